"""The data dictionary: what documents and lake say about each table, for `describe`, the catalogue site and exports."""

from clicklake.dictionary.facts import ColumnFacts, ReferenceFacts, RuleFacts, TableFacts
from clicklake.dictionary.tables import table_facts, table_names

__all__ = ["ColumnFacts", "ReferenceFacts", "RuleFacts", "TableFacts", "table_facts", "table_names"]
