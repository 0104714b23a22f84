"""A contract, its mapping and the silver model as one query on bronze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from clicklake.contracts.contract import Contract
from clicklake.contracts.model import Identity, Model
from clicklake.engines.cleaning import cleaned, countries, needs_countries
from clicklake.engines.currency import Rates, convert, read_rates, without_needless
from clicklake.engines.sql import Parameter, bind, parse, quote, render, string, text
from clicklake.engines.standardise import typed
from clicklake.errors import ContractError, EngineError

if TYPE_CHECKING:
    from clicklake.engines.base import Engine

PROVENANCE = ("row_id", "ingestion_timestamp", "ingestion_date", "source_file")
_BRONZE = "\0bronze\0"
"""Stands for the relation of bronze rows in a query that is made once."""

MALFORMED = "malformed_row"
"""The reason of rows that could not be split into the contract's columns."""


def _harmless(item: exp.Expression) -> exp.Expression:
    """A mapped value as text; an expression that fails on a row gives null there, for the rules to judge.

    An error would stop every run at that row, and a row that can't be judged has no fate.
    """
    value = item.unalias()
    if isinstance(value, exp.Column):
        return item
    text_of = exp.cast(exp.Anonymous(this="try", expressions=[value.copy()]), "varchar")
    return cast(exp.Expression, exp.alias_(text_of, item.alias_or_name, quoted=True))


@dataclass(frozen=True)
class Judge:
    """How the rows of one source are judged.

    Args:
        contract: The source's contract.
        silver: The table that the source feeds.
        parameters: The bounds and words that rules and models name.
    """

    contract: Contract
    silver: Model
    parameters: Mapping[str, Parameter]
    _standards: dict[bool, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def identity(self) -> Identity:
        """What makes two rows of the silver table the same."""
        if self.silver.doc.identity is None:
            raise ContractError(f"{self.silver.name}: the document has no `identity`", file=self.silver.file)
        return self.silver.doc.identity

    @property
    def columns(self) -> list[str]:
        """The silver table's columns."""
        return list(self.silver.doc.columns)

    def standard(self, bronze: str, *, with_raw: bool = False) -> str:
        """Query: bronze rows that could be split, standardised; the silver columns and `<column>_text`.

        Args:
            bronze: The bronze rows.
            with_raw: Whether the raw row comes along, in `raw`, as `raw_json` reads it.
        """
        if with_raw not in self._standards:
            self._standards[with_raw] = self._standard(_BRONZE, with_raw=with_raw)
        return self._standards[with_raw].replace(_BRONZE, bronze)

    def _standard(self, bronze: str, *, with_raw: bool) -> str:
        mapped = self._mapping()
        names = [item.alias_or_name for item in mapped.expressions]
        wanted = self._inputs()
        unknown = [name for name in names if name not in self.silver.doc.columns]
        if unknown:
            raise ContractError(
                f"the mapping gives {', '.join(unknown)}, which {self.silver.name} doesn't have; "
                f"it has {', '.join(wanted)}",
                file=self.contract.file,
            )
        values = [_harmless(item) for item in mapped.expressions]
        raw = [exp.column("raw")] if with_raw else []
        mapped.set("expressions", [*values, *(exp.column(name) for name in PROVENANCE), *raw])
        mapped.set("from_", None)
        source = text(mapped.from_("split_rows"))
        cleaned = [f"clean_text({quote(name)}) as {quote(name)}" for name in names]
        candidates = [
            *(self._typed(name, names) for name in wanted if name not in (*PROVENANCE, "source")),
            *(f"{quote(name)} as {quote(name + '_text')}" for name in self._texts(names)),
            *(f"cast(null as varchar) as {quote(name + '_text')}" for name in self._texts(wanted, without=names)),
            f"{string(self.contract.source)} as source",
        ]
        parameters = self._parameters()
        model = convert(
            without_needless(parse(self.silver.sql, self.silver.name), names),
            self.rates(),
            str(parameters.get("currency")),
        )
        model = bind(model, parameters, self.silver.name)
        kept = [exp.column(f"{name}_text", quoted=True) for name in self._texts(wanted)]
        model.set("expressions", [*model.expressions, *kept, *([exp.column("raw")] if with_raw else [])])
        provenance = ", ".join((*PROVENANCE, "raw") if with_raw else PROVENANCE)
        return f"""with {self._split_rows(bronze, with_raw=with_raw)},
mapped as ({source}),
cleaned as (select {", ".join([provenance, *cleaned])} from mapped),
candidates as (select {", ".join([provenance, *candidates])} from cleaned)
{text(model)}"""

    def judged(self, bronze: str) -> str:
        """Query: bronze rows that could be split, as silver has them; `reasons` why a row is rejected, and its `raw`.

        Args:
            bronze: The bronze rows.
        """
        reasons = ", ".join(f"case when {broken} then {string(reason)} end" for reason, broken in self.broken().items())
        names = dict.fromkeys([*self.columns, *self.identity.content, "source_file", "ingestion_timestamp"])
        return f"""with standard as ({self.standard(bronze, with_raw=True)}),
judged as (select *, list_filter([{reasons}]::varchar[], lambda r: r is not null) as reasons from standard)
select {", ".join(map(quote, names))}, reasons,
    case when array_length(reasons) > 0 then {self.raw_json()} end as raw from judged"""

    def check(self, engine: Engine | None = None) -> None:
        """Compile everything once, and have an engine look at it; one that has done so before need not again.

        Raises:
            ContractError: The mapping, the model or a rule can't be used.
        """
        standard, broken = self.standard("work.no_bronze"), self.broken()
        checked = (standard, *broken.values())
        if engine is None or checked in engine.checked:
            return
        columns = (*self.contract.column_names, "extra", "corrupt_record", "source_file")
        empty = ", ".join(f"cast(null as varchar) as {quote(name)}" for name in columns)
        over = "work.no_bronze"
        engine.execute(
            f"create or replace view {over} as select {empty}, cast(null as bigint) as row_id, "
            "timestamp '2000-01-01' as ingestion_timestamp, date '2000-01-01' as ingestion_date where false"
        )
        try:
            engine.make_each(
                "work.tried", f"select {', '.join(['*', *broken.values()])} from ({standard})", over, keep=False
            )
            engine.checked.add(checked)
            return
        except EngineError:
            pass  # which of them it is, is found one by one
        tried = {f"the mapping or {self.silver.name}": standard}
        tried |= {f"rule {name}": f"select {condition} from ({standard})" for name, condition in broken.items()}
        for what, query in tried.items():
            try:
                engine.make_each("work.tried", query, over, keep=False)
            except EngineError as error:
                raise ContractError(f"{what} can't run: {error}", file=self.contract.file) from error

    def broken(self) -> dict[str, str]:
        """SQL conditions on a standardised row by the reason that they give; true means broken."""
        what, parameters = f"{self.contract.file}: rule ", self._parameters()
        return {
            rule.name: f"coalesce({render(rule.condition, what + rule.name, parameters)}, false)"
            for rule in self.contract.rules
            if rule.severity == "error"
        }

    def identity_hash(self) -> str:
        """SQL: a 64-bit number that rows with the same identity share; of others the fewer the better.

        It is made of the document's `probe` columns: few, because it is made for every row, and such that
        different rows hardly ever agree in them. Whether rows are the same is decided by their content.
        """
        provided = set(self._names())
        content = [name for name in self.identity.probe or self.identity.content if name in provided]
        by_content = f"hash({', '.join(map(quote, content))})"
        if self.identity.id and self.identity.id in provided:
            by_id = f"hash({quote(self.identity.id)})"
            return f"case when {quote(self.identity.id)} is not null then {by_id} else {by_content} end"
        return by_content

    def identity_time(self) -> str | None:
        """A time in which rows with the same identity agree; None where there is none, or rows may share an id."""
        provided, docs = set(self._names()), self.silver.doc.columns
        if self.identity.id in provided:
            return None
        times = (name for name in self.identity.content if docs[name].type in ("timestamp", "date"))
        return next((name for name in times if name in provided), None)

    def raw_row(self) -> str:
        """SQL: a bronze row's columns as one; nothing is copied, for only the few that are rejected become JSON."""
        fields = ", ".join(f"{quote(name)} := {quote(name)}" for name in (*self.contract.column_names, "extra"))
        return f"struct_pack({fields})"

    def raw_json(self) -> str:
        """SQL: the column `raw` of `raw_row` as JSON."""
        pairs = ", ".join(f"{string(name)}, raw.{quote(name)}" for name in (*self.contract.column_names, "extra"))
        return f"cast(json_object({pairs}) as varchar)"

    def rates(self) -> Rates:
        """What other currencies are worth in the lake's."""
        return read_rates(self.parameters.get("rates"))

    def _parameters(self) -> dict[str, Parameter]:
        return {**self.parameters, **self.contract.options.parameters}

    def _split_rows(self, bronze: str, *, with_raw: bool) -> str:
        """CTEs: the rows that could be split into columns, these cleaned as the contract says."""
        cleanings, amounts = self.contract.cleanings, self.contract.beside
        own = str(self.parameters.get("currency"))
        done = [
            f"{cleaned(name, cleaning, own, amounts.get(name, ()))} as {quote(name)}"
            for name, cleaning in cleanings.items()
        ]
        star = f"* replace ({', '.join(done)})" if done else "*"
        raw = f", {self.raw_row()} as raw" if with_raw else ""
        known = f"countries as materialized ({countries()}),\n" if needs_countries(list(cleanings.values())) else ""
        return f"{known}split_rows as (select {star}{raw} from {bronze} where corrupt_record is null)"

    def _names(self) -> list[str]:
        return [item.alias_or_name for item in self._mapping().expressions]

    def _mapping(self) -> exp.Select:
        """The mapping, if it is one row out for each row in: anything else would lose rows unseen."""
        file = self.contract.file.replace(".yaml", ".sql")
        tree = parse(self.contract.mapping, file)
        other = "joins where group having qualify distinct limit offset with_ order".split()
        wrong = [part.strip("_") for part in other if tree.args.get(part)]
        if not isinstance(tree, exp.Select) or wrong or any(tree.find_all(exp.AggFunc, exp.Window, exp.Unnest)):
            raise ContractError(
                "a mapping is one SELECT of expressions from its bronze table, a row out for each row in; "
                f"it can't have {', '.join(wrong) or 'set operations, aggregates, windows or unnest'}",
                file=file,
            )
        source = tree.args["from_"].this if tree.args.get("from_") else None
        if not isinstance(source, exp.Table) or f"{source.db}.{source.name}" != f"bronze.{self.contract.source}":
            raise ContractError(f"a mapping reads from bronze.{self.contract.source} and nothing else", file=file)
        read = {column.name.lower() for column in tree.find_all(exp.Column)}
        unread = [name for name in self.contract.column_names if name.lower() not in read]
        # Where a table has a place for the rest, nothing may be lost; the others hold versions of what has a key.
        if unread and any(column.type.startswith("map") for column in self.silver.doc.columns.values()):
            raise ContractError(
                f"the mapping doesn't use {', '.join(unread)}: rows that differ only there would count as "
                "duplicates. Give each a silver column, or put it into metadata (json_object).",
                file=file,
            )
        return tree

    def _inputs(self) -> list[str]:
        """The columns that the silver model reads of `candidates`."""
        tree = parse(self.silver.sql, self.silver.name)
        read = {column.name for column in tree.find_all(exp.Column)}
        return [name for name in (*self.silver.doc.columns, *PROVENANCE) if name in read]

    def _texts(self, names: Sequence[str], without: Sequence[str] = ()) -> list[str]:
        """Of these columns those that are not text; what the source said of them is kept beside the value."""
        docs = self.silver.doc.columns
        plain = (*PROVENANCE, "source", *without)
        return [name for name in names if name in docs and docs[name].type != "string" and name not in plain]

    def _typed(self, name: str, mapped: Sequence[str]) -> str:
        column_type = self.silver.doc.columns[name].type
        options = self.contract.options
        if name not in mapped:
            from clicklake.contracts.types import ColumnType

            return f"cast(null as {ColumnType(column_type).sql}) as {quote(name)}"
        value = typed(quote(name), column_type, time_zone=options.time_zone, formats=options.timestamp_formats)
        return f"{value} as {quote(name)}"
