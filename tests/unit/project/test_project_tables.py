"""Files of orders, customers, products and payments as shop systems export them: what is proposed, and what loads."""

import json

import pytest
from conftest import fills

from clicklake.cli.main import run
from clicklake.contracts.catalogue import Catalogue
from clicklake.errors import UsageError
from clicklake.lake import Lake
from clicklake.project.propose import propose
from clicklake.project.sample import look_at
from clicklake.project.source import fitting
from clicklake.project.tables import EVENTS, kind_of
from clicklake.project.vocabulary import vocabulary

SHOPIFY = """\
Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,\
Lineitem sku,Lineitem fulfillment status,Billing City,Vendor,Id,Lineitem discount
#1001,anna@example.com,paid,2025-03-01 10:22:11 -0500,USD,59.90,69.69,2025-03-01 10:22:09 -0500,2,Wool Socks,9.95,\
SOCK-M,fulfilled,Austin,Acme,5012345678901,0.00
#1001,anna@example.com,,,,,,2025-03-01 10:22:09 -0500,1,Wool Hat,40.00,HAT-1,fulfilled,,Acme,,0.00
#1002,ben@example.com,refunded,2025-03-02 11:00:00 -0500,USD,40.00,43.20,2025-03-02 22:59:41 -0500,1,Wool Hat,40.00,\
HAT-1,fulfilled,Boston,Acme,5012345678902,4.00
#1003,cleo@example.com,voided,,USD,9.95,15.75,2025-03-03 08:12:30 -0500,1,Wool Socks,9.95,SOCK-M,pending,Denver,Acme,\
5012345678903,0.00
"""
WOO = """\
Order Number;Order Status;Order Date;Email (Billing);SKU;Item #;Item Name;Quantity (- Refund);Item Cost;Discount Amount
1201;wc-completed;14.02.2025 10:11;A.Meyer@example.de;TEE-1;1;T-Shirt;2;19,90;0,00
1201;wc-completed;14.02.2025 10:11;A.Meyer@example.de;MUG-2;2;Mug;1;1.299,00;0,00
1202;wc-cancelled;15.02.2025 09:30;b@example.de;TEE-1;1;T-Shirt;1;19,90;1,99
1203;wc-awaiting;16.02.2025 19:01;c@example.de;MUG-2;1;Mug;1;1.299,00;0,00
"""
RETAIL = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART,6,12/1/2010 8:26,2.55,17850,United Kingdom
536365,71053,WHITE METAL LANTERN,6,12/1/2010 8:26,3.39,17850,United Kingdom
536367,84879,BIRD ORNAMENT,32,12/13/2010 8:34,1.69,13047,United Kingdom
"""
OLIST_ITEMS = """\
"order_id","order_item_id","product_id","seller_id","shipping_limit_date","price","freight_value"
"00010242fe8c5a6d",1,"4244733e06e7ecb4","48436dade18ac8b2",2017-09-19 09:45:35,58.90,13.29
"00018f77f2f0320c",1,"e5f2d52b802189ee","dd7ddc04e1b6c2c6",2017-05-03 11:05:13,239.90,19.93
"""
OLIST_CUSTOMERS = """\
"customer_id","customer_unique_id","customer_zip_code_prefix","customer_city","customer_state"
"06b8999e2fba1a1f","861eff4711a542e4",14409,franca,SP
"18955e83d337fd6b","290c77bc529b7ac9",09790,sao bernardo do campo,SP
"""
OLIST_PRODUCTS = """\
"product_id","product_category_name","product_name_lenght","product_photos_qty"
"1e9e8ef04dbcff45",perfumaria,40,1
"""
OLIST_PAYMENTS = """\
"order_id","payment_sequential","payment_type","payment_installments","payment_value"
"b81ef226f3fe1789",1,"credit_card",8,99.33
"a9810da82917af2d",1,"voucher",1,24.39
"""
SHOPIFY_CUSTOMERS = """\
Customer ID,First Name,Last Name,Email,Default Address Address1,Default Address City,Default Address Province Code,\
Default Address Country Code,Phone,Total Spent,Tags
'6543210001,Anna,Bell,Anna@Example.com,12 Oak St,Austin,TX,US,+15125550101,69.69,vip
'6543210002,Ben,Cole,ben@example.com,4 Elm Ave,Boston,MA,usa,+16175550102,43.20,
"""
SHOPIFY_PRODUCTS = """\
Handle,Title,Vendor,Product Category,Type,Variant SKU,Variant Price,Cost per item,Status
wool-socks,Wool Socks,Acme,Apparel,Socks,SOCK-M,9.95,3.10,active
wool-hat,Wool Hat,Acme,Apparel,Hats,HAT-1,40.00,14.00,active
"""
STRIPE = """\
id,Description,Created (UTC),Amount,Currency,Fee,Status,Customer Email,order_id (metadata),Card Brand
ch_1,Order 1001,2025-03-01 15:22:11,69.69,usd,2.32,Paid,anna@example.com,#1001,visa
ch_2,Order 1002,2025-03-02 16:00:00,43.20,usd,1.55,Refunded,ben@example.com,#1002,mastercard
ch_3,Order 1003,2025-03-03 13:12:30,15.75,usd,0.00,Failed,cleo@example.com,#1003,visa
"""
CASES = {
    "shopify orders": (
        SHOPIFY,
        "orders",
        {
            "order_id": "Name",
            "customer_id": "Email",
            "product_id": "Lineitem sku",
            "order_date": "Created at",
            "order_day": "Created at",
            "quantity": "Lineitem quantity",
            "unit_price": "Lineitem price",
            "discount": "Lineitem discount",
            "currency": "Currency",
            "status": "Financial Status",
        },
    ),
    "woocommerce orders": (
        WOO,
        "orders",
        {
            "order_id": "Order Number",
            "line_id": "Item #",
            "customer_id": "Email (Billing)",
            "product_id": "SKU",
            "order_date": "Order Date",
            "order_day": "Order Date",
            "quantity": "Quantity (- Refund)",
            "unit_price": "Item Cost",
            "discount": "Discount Amount",
            "status": "Order Status",
        },
    ),
    "retail lines": (
        RETAIL,
        "orders",
        {
            "order_id": "InvoiceNo",
            "customer_id": "CustomerID",
            "product_id": "StockCode",
            "order_date": "InvoiceDate",
            "order_day": "InvoiceDate",
            "quantity": "Quantity",
            "unit_price": "UnitPrice",
            "discount": "",
            "status": "",
        },
    ),
    "olist items": (
        OLIST_ITEMS,
        "orders",
        {
            "order_id": "order_id",
            "line_id": "order_item_id",
            "product_id": "product_id",
            "order_date": "",
            "quantity": "",
            "unit_price": "price",
            "discount": "",
            "status": "",
        },
    ),
    "olist customers": (
        OLIST_CUSTOMERS,
        "customers",
        {"customer_id": "customer_id", "city": "customer_city", "state": "customer_state"},
    ),
    "olist products": (
        OLIST_PRODUCTS,
        "products",
        {"product_id": "product_id", "category": "product_category_name"},
    ),
    "olist payments": (
        OLIST_PAYMENTS,
        "payments",
        {
            "payment_id": "",
            "order_id": "order_id",
            "payment_method": "payment_type",
            "amount": "payment_value",
            "payment_date": "",
            "status": "",
        },
    ),
    "shopify customers": (
        SHOPIFY_CUSTOMERS,
        "customers",
        {
            "customer_id": "Customer ID",
            "first_name": "First Name",
            "last_name": "Last Name",
            "email": "Email",
            "phone": "Phone",
            "address": "Default Address Address1",
            "city": "Default Address City",
            "state": "Default Address Province Code",
            "country": "Default Address Country Code",
        },
    ),
    "shopify products": (
        SHOPIFY_PRODUCTS,
        "products",
        {
            "product_id": "Variant SKU",
            "product_name": "Title",
            "category": "Product Category",
            "brand": "Vendor",
            "price": "Variant Price",
            "cost": "Cost per item",
        },
    ),
    "stripe payments": (
        STRIPE,
        "payments",
        {
            "payment_id": "id",
            "order_id": "order_id (metadata)",
            "payment_method": "Card Brand",
            "amount": "Amount",
            "currency": "Currency",
            "payment_date": "Created (UTC)",
            "payment_day": "Created (UTC)",
            "status": "Status",
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_file_holds_and_what_fills_silver(proposed, case):
    content, kind, expected = CASES[case]
    proposal = proposed(content)
    assert proposal.kind.name == kind
    assert fills(proposal) == expected
    contract = proposal.contract()
    assert contract.options.silver_table == f"silver.{kind}"
    assert {column.name for column in contract.columns} == {column.name for column in proposal.sample.columns}


def test_a_name_may_stand_behind_another_word_but_not_before_one(proposed):
    proposal = proposed("x_order_id,x_product_id,x_order_date,x_unit_price,order_id_count\nA1,P1,2025-01-01,9.50,3\n")
    assert {name: column for name, column in fills(proposal).items() if column} == {
        "order_id": "x_order_id",
        "product_id": "x_product_id",
        "order_date": "x_order_date",
        "order_day": "x_order_date",
        "unit_price": "x_unit_price",
    }


def load(project, content, name):
    """Add the source and load the file; the rows of silver."""
    (project / f"{name}.csv").write_text(content)
    assert run(["source", "add", f"{name}.csv", "--yes"]) == 0
    assert run(["run", f"{name}={name}.csv"]) == 0
    lake = Lake(project / "lake", config=project / "clicklake.yaml")
    table = lake.catalogue.contract(name).options.silver_table
    return lake.query(f"select * from {table} order by all").to_pylist()


def test_orders_of_shopify_load(project, capsys):
    rows = load(project, SHOPIFY, "export")
    told = capsys.readouterr().out
    assert "1 would be rejected" in told
    assert "missing_status: the cleaning of Financial Status in sources/export.yaml may give a default" in told
    assert "columns that nothing uses; bronze keeps them: Paid at, Subtotal" in told
    assert "anna@example.com" not in told
    assert [(row["order_id"], row["line_id"], str(row["unit_price"]), row["status_class"]) for row in rows] == [
        ("#1001", "SOCK-M", "9.95", "booked"),
        ("#1002", "HAT-1", "40.00", "refunded"),
        ("#1003", "SOCK-M", "9.95", "cancelled"),
    ]
    assert str(rows[1]["order_date"]).startswith("2025-03-03 03:59:41")
    contract = (project / "sources" / "export.yaml").read_text()
    assert "classification: pii" in contract
    assert '{"numberFormat": "1,234.56", "currencyColumn": "Currency"}' in contract


def test_orders_of_woocommerce_with_decimal_commas_load(project, capsys):
    rows = load(project, WOO, "woo")
    assert "status: no list under the contract's parameters has wc-awaiting" in capsys.readouterr().out
    assert [(row["order_id"], row["line_id"], str(row["unit_price"]), row["status_class"]) for row in rows] == [
        ("1201", "1", "19.90", "booked"),
        ("1201", "2", "1299.00", "booked"),
        ("1202", "1", "19.90", "cancelled"),
        ("1203", "1", "1299.00", None),
    ]
    assert str(rows[2]["discount"]) == "1.99"


def test_lines_without_a_state_count_as_completed_and_a_note_says_so(project, capsys):
    rows = load(project, RETAIL, "retail")
    told = capsys.readouterr().out
    assert "note: status: no column says what state it is in; 'completed' is taken for every row" in told
    assert "month" in told or "day" in told
    assert [(row["status_class"], row["quantity"], str(row["order_date"])[:16]) for row in rows] == [
        ("booked", 6, "2010-12-01 08:26"),
        ("booked", 6, "2010-12-01 08:26"),
        ("booked", 32, "2010-12-13 08:34"),
    ]


def test_customers_products_and_payments_load(project):
    people = load(project, SHOPIFY_CUSTOMERS, "people")
    assert [(row["email"], row["country"], row["city"]) for row in people] == [
        ("anna@example.com", "US", "Austin"),
        ("ben@example.com", "US", "Boston"),
    ]
    wares = load(project, SHOPIFY_PRODUCTS, "wares")
    assert [(row["product_id"], str(row["price"]), str(row["cost"])) for row in wares] == [
        ("HAT-1", "40.00", "14.00"),
        ("SOCK-M", "9.95", "3.10"),
    ]
    paid = load(project, STRIPE, "stripe")
    assert [(row["payment_id"], row["order_id"], row["status_class"], row["currency"]) for row in paid] == [
        ("ch_1", "#1001", "settled", "USD"),
        ("ch_2", "#1002", "refunded", "USD"),
        ("ch_3", "#1003", "failed", "USD"),
    ]


def test_what_a_row_needs_and_no_column_says_is_asked_for(project, capsys):
    (project / "paid.csv").write_text(OLIST_PAYMENTS)
    assert run(["source", "add", "paid.csv", "--yes"]) == 2
    err = capsys.readouterr().err
    assert "no column was recognised that says which payment it is and when it was paid" in err
    mapping = project / "sources" / "paid.sql"
    text = mapping.read_text()
    assert text.count("FILL IN") == 2
    assert "columns without another use: payment_sequential, payment_installments" in text
    lines = [line for line in text.splitlines() if "FILL IN" not in line]
    filled = "\n".join(lines).replace(
        "cast(null as varchar) as payment_id", "order_id || '-' || payment_sequential as payment_id"
    )
    mapping.write_text(filled.replace("cast(null as varchar) as payment_date", "'2018-01-01' as payment_date"))
    assert run(["run", "paid=paid.csv"]) == 0
    rows = Lake(project / "lake").query("select payment_id, amount from silver.payments order by 1").to_pylist()
    assert [(row["payment_id"], str(row["amount"])) for row in rows] == [
        ("a9810da82917af2d-1", "24.39"),
        ("b81ef226f3fe1789-1", "99.33"),
    ]


@pytest.mark.parametrize("source", ["orders", "customers", "products", "payments"])
def test_a_file_with_our_columns_needs_no_contract(project, capsys, source):
    contract = Catalogue().contract(source)
    optional = [column.name for column in contract.columns if not column.is_required and not column.key_position]
    for left_out in ([], optional[:1]):
        names = [name for name in contract.column_names if name not in left_out]
        (project / "mine.csv").write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
        assert run(["source", "add", "mine.csv"]) == 0
        assert f"next: clicklake run {source}=mine.csv" in capsys.readouterr().err
    assert sorted(file.name for file in (project / "sources").iterdir()) == ["README.md"]


def test_a_foreign_file_called_orders_gets_a_name_of_its_own(project, capsys):
    (project / "orders.csv").write_text(WOO)
    assert run(["source", "add", "orders.csv", "--json", "--yes"]) == 0
    told = json.loads(capsys.readouterr().out)[0]
    assert (told["source"], told["kind"]) == ("my_orders", "orders")
    assert (project / "sources" / "my_orders.yaml").is_file()


def test_a_wrong_guess_is_corrected(project, write, capsys):
    file = write("order_id,email,price,qty\n1,a@b.de,2.50,1\n", "list.csv")
    assert propose(look_at(str(file)), "list").kind.name == "orders"
    forced = propose(look_at(str(file)), "list", "payments")
    assert fills(forced)["order_id"] == "order_id"
    with pytest.raises(UsageError, match="events, orders, customers, products, payments"):
        propose(look_at(str(file)), "list", "nothing")
    assert run(["source", "add", str(file), "--kind", "nothing"]) == 2
    assert "--kind nothing: a file can hold" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        "user_id,time,event,order_id,product_id,quantity,price\nu,2024-01-01,buy,1,2,3,4\n",
        "customer_id,ts,x,order_id,sku,qty\nc,2024-01-01,view,1,2,3\nc,2024-01-01,purchase,1,2,3\n",
        "a,b,c\n1,2,3\n",
    ],
)
def test_events_stay_events(write, content):
    assert kind_of(look_at(str(write(content)))) == EVENTS


def test_the_words_of_tables_are_those_of_the_shop():
    shop = Catalogue()
    for name, table in vocabulary().tables.items():
        silver = shop.silver[table.silver_table].doc.columns
        contract = shop.contract(table.rules_of)
        assert set(table.columns) <= set(silver), name
        assert set(contract.column_names) <= set(table.columns), name
        assert set(table.words) <= set(contract.options.parameters), name
        assert {column for group in table.tells for column in group} <= set(table.columns), name
        needed = {column.name for column in contract.columns if column.is_required}
        assert needed == {column for column, words in table.columns.items() if words.asked}, name


def test_a_file_of_another_source_does_not_fit_a_bigger_one(write):
    sample = look_at(str(write("order_id,product_id\n1,2\n")))
    assert fitting(Catalogue(), sample) is None
