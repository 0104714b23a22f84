"""What is proposed for files as they are found: the columns recognised, the words, the rules, the contract."""

import json

import pytest
from conftest import fills

from clicklake.contracts.catalogue import Catalogue
from clicklake.engines.sql import parse
from clicklake.project.mapping import FILL_IN
from clicklake.project.vocabulary import snake, squeezed, vocabulary, words_of
from clicklake.refine.compile import Judge

SHOP = (
    "event_time,event_type,product_id,category_id,brand,price,user_id,user_session\n"
    "2019-10-01 00:00:00 UTC,view,44600062,21038,shiseido,35.79,541312140,72d76fde\n"
    "2019-10-01 00:00:01 UTC,cart,3900821,20530,aqua,33.20,554748717,9333dfbd\n"
    "2019-10-01 00:00:02 UTC,purchase,17200506,20537,,543.10,519107250,566511c2\n"
)


def test_a_shops_log(proposed):
    proposal = proposed(SHOP)
    assert fills(proposal) == {
        "user_id": "user_id",
        "session_id": "user_session",
        "event_timestamp": "event_time",
        "event_type": "event_type",
        "product_id": "product_id",
        "amount": "price",
        "metadata": "category_id + brand",
    }
    assert "when 'view' then 'product_view'" in proposal.mapping
    assert "when 'cart' then 'add_to_cart'" in proposal.mapping
    assert "'purchase' then" not in proposal.mapping
    assert proposal.contract().options.timestamp_formats == ("%Y-%m-%d %H:%M:%S UTC",)
    assert [rule.name for rule in proposal.left_out] == ["unknown_currency"]
    assert not proposal.missing


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (
            "timestamp,visitorid,event,itemid,transactionid",
            "1433221332117,257597,addtocart,355908,",
            "timestamp visitorid event itemid",
        ),
        ("UserID,Visit ID,Event Date,Action", "u,v,2024-01-01,buy", "Event Date,UserID,Visit ID,Action"),
        ("client_id,ts,hit_type,sku,revenue", "c,1710325274,page,s,9.5", "client_id ts hit_type sku revenue"),
        ("Kundennummer,Zeitstempel,Ereignis,Betrag", 'k,01.02.2024,kauf,"1,50"', "Kundennummer Zeitstempel Ereignis"),
        ("ctx_user_id,ctx_event_time,ctx_event_name", "u,2024-01-01,view", "ctx_user_id ctx_event_time ctx_event_name"),
    ],
)
def test_names_in_many_spellings(proposed, header, row, expected):
    proposal = proposed(f"{header}\n{row}\n")
    assert not proposal.missing
    used = [fields for silver, fields in fills(proposal).items() if silver != "metadata"]
    assert set(expected.split("," if "," in expected else " ")) <= set(used)


def test_values_tell_where_names_don_t(proposed):
    row = "a@b.de,2024-01-01 10:00,add_to_cart,mobile,https://x.de/a,EUR,declined\n"
    proposal = proposed("a,b,c,d,e,f,g\n" + row * 3)
    assert fills(proposal) == {
        "user_id": "a",
        "event_timestamp": "b",
        "event_type": "c",
        "device_type": "d",
        "page_url": "e",
        "currency": "f",
        "outcome": "g",
    }


def test_names_don_t_count_where_values_contradict(proposed):
    header = "user_id,timestamp,event,status,device,amount,currency,event_id\n"
    rows = [f"u{n},2024-01-01 00:00:{n:02d},view,200,{n},free,1,{n % 3}\n" for n in range(60)]
    proposal = proposed(header + "".join(rows))
    assert fills(proposal)["metadata"] == "status + device + amount + currency + event_id"


def test_an_id_of_the_event_is_taken_only_where_it_is_one(proposed):
    def text(ids):
        rows = [f"u,2024-01-01 00:00:{n:02d},view,{value}\n" for n, value in enumerate(ids)]
        return "user_id,time,event,event_id\n" + "".join(rows)

    assert fills(proposed(text(f"e-{n}" for n in range(9))))["source_event_id"] == "event_id"
    assert "source_event_id" not in fills(proposed(text(n % 3 for n in range(9))))  # a kind of event
    assert "source_event_id" not in fills(proposed(text(range(9))))  # starts again in the next file


def test_a_date_and_a_time_of_day_become_one_time(proposed):
    proposal = proposed("user_id,date,time,event\nu,13.03.2024,10:21,view\nu,14.03.2024,10:22,view\n")
    assert "    date || ' ' || \"time\" as event_timestamp" in proposal.mapping
    assert proposal.contract().options.timestamp_formats == ("%d.%m.%Y %H:%M",)
    assert fills(proposal)["event_timestamp"] == "date + time"


def test_words_that_the_file_has_itself_are_left_alone(proposed):
    text = "user_id,time,event\n" + "".join(f"u,2024-01-01,{event}\n" for event in ("cart", "add_to_cart", "Buy"))
    mapping = proposed(text).mapping
    assert "'cart'" not in mapping and "when 'buy' then 'purchase'" in mapping


def test_success_flags_and_words_for_failure(proposed):
    flags = proposed("user_id,time,event,success\nu,2024-01-01,x,True\nu,2024-01-01,x,False\n")
    assert "when 'false' then 'failure'" in flags.mapping and "when 'true' then 'success'" in flags.mapping
    words = proposed("user_id,time,event,outcome\nu,2024-01-01,x,ok\nu,2024-01-01,x,Canceled\n")
    assert "canceled" in words.contract().options.parameters["failure_outcomes"]


def test_words_for_no_value(proposed):
    proposal = proposed("user_id,time,event,amount\nu,2024-01-01,x,NULL\nNULL,2024-01-01,x,1.5\n")
    assert "nullif(user_id, 'NULL') as user_id" in proposal.mapping
    assert "nullif(amount, 'NULL') as amount" in proposal.mapping
    assert "user_id: NULL was taken for no value" in proposal.notes


def test_a_word_for_no_value_beside_empty_fields_is_a_fault(proposed):
    rows = "".join(f"u,2024-01-01,x,{amount}\n" for amount in ("", "", "NaN", "1.5", "2"))
    assert "nullif" not in proposed(f"user_id,time,event,amount\n{rows}").mapping


def test_the_sign_of_a_currency(proposed):
    proposal = proposed("user_id;time;event;total\nu;2024-01-01;buy;1.234,50 €\n")
    assert "case when total is not null then 'EUR' end as currency" in proposal.mapping
    assert "unknown_currency" in [rule.name for rule in proposal.rules]


def test_rules_are_those_that_the_file_has_columns_for(proposed):
    plain = proposed("user_id,time,event\nu,2024-01-01,view\n")
    assert [rule.name for rule in plain.rules] == [
        "missing_user_id",
        "missing_event_type",
        "invalid_timestamp",
        "timestamp_before_bound",
        "timestamp_after_bound",
    ]
    products = proposed("user_id,time,event,sku\nu,2024-01-01,view,s\n")
    assert "missing_product_id" in [rule.name for rule in products.rules]
    assert "missing_amount" in [rule.name for rule in products.left_out]


def test_personal_data_is_marked(proposed):
    text = (
        "user_id,E-Mail,First Name,phone,product_name,contact,ip,time,event\nu,a,b,c,d,x@y.de,10.0.0.1,2024-01-01,e\n"
    )
    proposal = proposed(text)
    personal = [column.name for column in proposal.contract().columns if column.is_pii]
    assert personal == ["user_id", "E-Mail", "First Name", "phone", "contact", "ip"]
    assert "metadata holds personal data: E-Mail, First Name, phone, contact, ip" in proposal.notes


def test_a_doubtful_order_of_day_and_month_is_marked_in_the_contract(proposed):
    proposal = proposed("user_id,time,event\nu,01/02/2024,view\n")
    assert '["%d/%m/%Y"]  # a guess' in proposal.text
    assert any("could stand either way round" in note for note in proposal.notes)


def test_objects(proposed):
    row = {"user": "u", "event": "view_item", "ts": 1710325274000, "props": {"item id": "p", "page_url": "/a"}, "x": 1}
    proposal = proposed(json.dumps(row) + "\n", "events.ndjson")
    assert fills(proposal) == {
        "user_id": "user",
        "event_timestamp": "ts",
        "event_type": "event",
        "product_id": "props.item id",
        "page_url": "props.page_url",
        "metadata": "props + x",
    }
    assert """json_extract_string(props, '$."item id"') as product_id""" in proposal.mapping
    types = {column.name: column.logical_type for column in proposal.contract().columns}
    assert types == {"user": "string", "event": "string", "ts": "integer", "props": "object", "x": "integer"}


def test_a_lone_object_is_the_metadata(proposed):
    proposal = proposed('{"user_id": "u", "event": "x", "time": "2024-01-01", "more": {"a": "b"}}\n', "e.ndjson")
    assert "    more as metadata\n" in proposal.mapping


def test_names_that_need_quotes(proposed):
    proposal = proposed('"User ID","Event, Name",when,order,group\nu,view,2024-01-01,1,g\n')
    for piece in (
        '"User ID" as user_id',
        '"Event, Name"',
        '"when" as event_timestamp',
        '"order" as order_id',
        '"group"',
    ):
        assert piece in proposal.mapping
    assert proposal.contract().column_names == ("User ID", "Event, Name", "when", "order", "group")


def test_names_that_yaml_would_take_for_something_else(proposed):
    names = [
        "user_id",
        "time",
        "event",
        "1e5",
        "007",
        "1",
        "true",
        "null",
        "-",
        "~",
        "a: b",
        "# c",
        "%d",
        "[x",
        "é",
        "no",
    ]
    proposal = proposed(",".join(names) + "\n" + ",".join("u" for _ in names) + "\n")
    assert proposal.contract().column_names == tuple(names)


def test_columns_without_a_header_are_named_after_what_they_fill(proposed):
    rows = [f"s{n // 3},u{n // 6},2024-01-{n % 28 + 1:02d} 10:00:00,product_view,{n}.50,success\n" for n in range(60)]
    proposal = proposed("".join(rows))
    assert proposal.contract().column_names == (
        "session_id",
        "user_id",
        "event_timestamp",
        "event_type",
        "amount",
        "outcome",
    )
    assert any("by a guess" in note for note in proposal.notes)


@pytest.mark.parametrize(
    ("text", "missing", "words"),
    [
        ("time,event\n2024-01-01,view\n", ["user_id"], "a user"),
        ("user_id,event\nu,view\n", ["event_timestamp"], "a time"),
        ("order_no,bought,customer_id\n1,2024-01-01,c\n", ["event_type"], "an event"),
        ("a,b\nx,y\n", ["user_id", "event_timestamp", "event_type"], "a user, a time and an event"),
    ],
)
def test_what_is_missing_is_said_and_marked(proposed, text, missing, words):
    proposal = proposed(text)
    assert proposal.missing == missing and proposal.missing_words == words
    assert proposal.mapping.count(FILL_IN) == len(missing)
    assert proposal.contract().rules  # it is a contract all the same


def test_every_proposal_is_what_the_compiler_takes(proposed):
    for text in (SHOP, "a,b\nx,y\n", '"User ID",order,Time\nu,o,1710325274\n'):
        proposal = proposed(text)
        judge = Judge(proposal.contract(), Catalogue().silver["silver.events"], {})
        assert parse(judge.standard("bronze.events"), "standard")


def test_the_words_of_names():
    assert words_of("userID") == words_of("User-Id") == words_of("user_id") == ("user", "id")
    assert words_of("HTTPReferer") == ("http", "referer")
    assert squeezed("Product ID") == "productid"
    assert snake("Meine Events (2024)") == "meine_events_2024"
    assert snake("2024") == "source_2024" and snake("Ärger") == "arger" and snake("…") == "source"


def test_the_vocabulary_names_columns_of_silver_and_a_source_of_the_shop():
    words, shop = vocabulary(), Catalogue()
    columns = shop.silver[words.silver_table].doc.columns
    assert set(words.columns) | set(words.words) <= set(columns)
    assert shop.contract(words.rules_of).options.silver_table == words.silver_table
    for entry in words.columns.values():
        assert len(set(entry.names)) == len(entry.names)
