"""Keys, foreign keys, cleaning and severities of a contract."""

from __future__ import annotations

import pytest

from clicklake.contracts.catalogue import Catalogue
from clicklake.contracts.cleaning import Cleaning
from clicklake.contracts.contract import Contract, parse_contract
from clicklake.errors import ContractError

CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: x
version: 1.0.0
status: active
schema:
  - name: sales
    physicalType: csv
    customProperties:
      - {property: silverTable, value: silver.orders}
    properties:
      - name: place
        logicalType: string
      - name: id
        primaryKey: true
        primaryKeyPosition: 1
        relationships: [{type: foreignKey, to: orders.order_id}]
      - name: price
        customProperties:
          - property: cleaning
            value:
              numberFormat: "1.234,56"
              currencyColumn: place
    quality:
      - name: odd
        type: custom
        engine: clicklake
        severity: warning
        implementation: place is null
"""


def parsed(text: str) -> Contract:
    return parse_contract(text, "select id from bronze.sales", "sales.yaml")


def test_what_a_contract_says_of_columns() -> None:
    contract = parsed(CONTRACT)
    assert contract.key == ("id",)
    by_name = {column.name: column for column in contract.columns}
    assert by_name["id"].references == "orders.order_id"
    assert by_name["price"].cleaning == Cleaning(number_format="1.234,56", currency_column="place")
    assert [(rule.name, rule.severity) for rule in contract.rules] == [("odd", "warning")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"1.234,56"', '"1234"', "numberFormat"),
        ("numberFormat:", "numberformat:", "numberformat"),
        ("currencyColumn: place", "currencyColumn: plaice", "plaice.*did you mean.*place"),
        ("property: cleaning", "property: cleanin", "cleanin.*did you mean.*cleaning"),
        ("severity: warning", "severity: mild", "severity 'mild' is unknown"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, message: str) -> None:
    wrong = CONTRACT.replace(old, new)
    line = next(number for number, text in enumerate(wrong.splitlines(), 1) if new in text)
    with pytest.raises(ContractError, match=f"(?s){message}") as caught:
        parsed(wrong)
    assert abs(int(str(caught.value).split(":")[1]) - line) <= 5  # or that of the column


def test_the_shops_contracts_have_keys_where_rows_have_versions() -> None:
    catalogue = Catalogue()
    keys = {source: catalogue.contract(source).key for source in catalogue.source_names}
    assert keys == {
        "click_events": (),
        "web_events": (),
        "orders": ("order_id", "line_id"),
        "customers": ("customer_id",),
        "products": ("product_id",),
        "payments": ("payment_id",),
    }
