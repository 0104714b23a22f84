"""Commands about where things come from: lineage, trace."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import typer

from clicklake.cli.context import Context
from clicklake.cli.maintenance import complete_table


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(lineage)
    app.command()(trace)


def _complete_table(ctx: typer.Context, incomplete: str) -> list[str]:
    """Tables, and columns once the table is typed, for the shell."""
    from clicklake.errors import ClicklakeError

    flags = ctx.find_root().params
    try:
        known = Context(lake=flags.get("lake"), config=flags.get("config"), profile=flags.get("profile")).open().lineage
        layer, _, rest = incomplete.partition(".")
        table = ".".join([layer, rest.partition(".")[0]])
        names = [f"{table}.{column}" for column in known.columns(table)] if table in known.tables else known.tables
    except ClicklakeError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def lineage(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="TABLE[.COLUMN]",
            help="For example gold.dim_users.total_spent or report:top_products.revenue; without, all tables.",
            autocompletion=_complete_table,
        ),
    ] = None,
    downstream: Annotated[bool, typer.Option("--downstream", help="What is made of it, instead.")] = False,
    output: Annotated[str | None, typer.Option("--format", help="tree, json or mermaid.")] = None,
) -> None:
    """Show where a table or column comes from, down to the columns of the source files."""
    from clicklake.cli.lineage_tree import column_tree, deciding, table_tree
    from clicklake.errors import UsageError
    from clicklake.lineage.graph import FILE, Column
    from clicklake.lineage.walk import column_pairs, down, mermaid, table_steps, up

    context: Context = ctx.obj
    chosen = output or ("json" if context.json else "tree")
    if chosen not in ("tree", "json", "mermaid"):
        raise UsageError(f"--format {chosen}: allowed are tree, json, mermaid")
    context.json = chosen == "json"
    known = context.open().lineage
    table, column = known.find(name) if name else (None, None)
    out = context.stdout
    if table and column:
        start = Column(table, column)
        if chosen == "tree":
            out.print(column_tree(known, start, is_down=downstream))
            conditions = [] if downstream else deciding(known, start)
            for number, line in enumerate(conditions):
                out.print("Which rows count:" if number == 0 else "", end="\n" if number == 0 else "")
                out.print(f"  {line}", soft_wrap=True)
            return
        steps = list((down if downstream else up)(known, start))
        if chosen == "json":
            context.show([step.row() for step in steps])
        else:
            print(mermaid(column_pairs(steps)))
        return
    pairs = table_steps(known, table, is_down=downstream)
    if chosen == "json":
        context.show([{"table": below, "upstream_table": above} for below, above in pairs])
    elif chosen == "mermaid":
        print(mermaid(pairs))
    else:
        roots = [table] if table else [root for root in known.tables if root.startswith(FILE)]
        for root in roots:
            out.print(table_tree(known, root, is_down=downstream or table is None))


def trace(
    ctx: typer.Context,
    table: Annotated[
        str, typer.Argument(help="For example gold.fact_events, bronze.click_events.", autocompletion=complete_table)
    ],
    keys: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE", help="Columns of the row, for example event_id=123.")
    ],
    limit: Annotated[int, typer.Option(min=1, help="Rows at the most, of each kind.")] = 10,
    show_pii: Annotated[
        bool, typer.Option("--show-pii", help="Show personal data, which is masked otherwise.")
    ] = False,
) -> None:
    """Follow one row down to the raw row, its file and the contract that judged it; or a raw row to its fate."""
    from clicklake.cli.trace_view import print_trace

    context: Context = ctx.obj
    named = {name if sign else "": value if sign else name for name, sign, value in (k.partition("=") for k in keys)}
    found = context.open().trace(table, named, limit=limit, show_pii=show_pii)
    if context.json:
        typer.echo(json.dumps([found.to_dict()], default=_spelled, ensure_ascii=False, indent=2))
    else:
        print_trace(context, found)
        context.say_masked([found.to_dict()])


def _spelled(value: object) -> object:
    """Values that JSON has no word for, as every command writes them: times in UTC, decimals as numbers."""
    if isinstance(value, Decimal):
        return float(value)
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else str(value)
