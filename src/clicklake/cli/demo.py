"""`clicklake demo`: from nothing to reports."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from clicklake.cli.context import Context
from clicklake.errors import UsageError
from clicklake.own_folder import on_this_machine

ROWS_SHOWN = 10
"""Of each report; the page that is written has more."""


def run_demo(context: Context, directory: Path, rows: int, seed: int) -> None:
    """Generate, run, and print ledger, quality and reports.

    Raises:
        UsageError: The folder holds something that is not a demo's.
    """
    from clicklake.cli.reports import Request, collect, page
    from clicklake.quality.ledger import read_ledger
    from clicklake.quality.scorecard import scorecard
    from clicklake.reports.render import to_table
    from clicklake.synthetic import CommerceConfig, GeneratorConfig, generate

    data, lake_path = on_this_machine(directory) / "data", directory / "lake"
    if directory.exists() and any(directory.iterdir()) and not (data / "truth.json").exists():
        raise UsageError(f"{directory} is not empty and no demo's; name another folder: clicklake demo DIR")
    for old in (data, lake_path):
        shutil.rmtree(old, ignore_errors=True)
    begun = time.perf_counter()
    web_rows = rows // 20
    context.say(f"[bold]1. Generating[/bold] {rows:,} click events, {web_rows:,} web events and the shop's orders …")
    config = GeneratorConfig(rows=rows, web_rows=web_rows, seed=seed, commerce=CommerceConfig())
    truth: dict[str, Any] = generate(data, config)
    made = {name: told["records"] for name, told in truth["sources"].items() if told["records"]}
    generated = time.perf_counter()
    sizes = ", ".join(f"{records:,} {name}" for name, records in made.items() if not name.endswith("_events"))
    context.say(f"   {sizes}; some of it faulty, late or there twice")
    context.say(f"   in {data} ({generated - begun:.1f} s)")
    context.say("[bold]2. Running[/bold] bronze → silver → gold …")
    lake = context.open(str(lake_path))
    found = {name: str(data / name) for name in made}
    result = lake.run(found, progress=context.progress(lake.stages(len(found))))
    ran = time.perf_counter()
    if context.json:
        from clicklake.cli.summary import show_run

        show_run(context, lake, result)
        return
    context.say(f"   {ran - generated:.1f} s")
    engine = lake.engine()
    try:
        ledger = read_ledger(lake.store, engine)
        card = scorecard(lake.store, engine, lake.catalogue, lake.settings.quality)
    finally:
        engine.close()
    fates = ("source", "rows_ingested", "loaded", "duplicates", "quarantined", "quality_score")
    shown = [{name: entry.row()[name] for name in fates} for entry in ledger]
    context.show(shown, title="The ledger: every row has one fate")
    most = sorted(card.reasons, key=lambda row: (-row["rows"], row["source"], row["reason"]))[:ROWS_SHOWN]
    shown = [{key: row[key] for key in ("source", "reason", "rows", "share_pct")} for row in most]
    context.show(shown, title="Quality: why most of the rows in quarantine are there")
    request = Request(lake.catalogue.report_names, "table", None, None, None, None, {}, None, False)
    reports = collect(lake, request, is_terminal=True, say=context.say)
    for report in reports:
        part = replace(report, table=report.table.slice(0, ROWS_SHOWN), total_rows=report.rows_in_all)
        context.stdout.print()
        to_table(part, context.stdout)
    html = directory / "reports.html"
    html.write_text(page(lake, reports), encoding="utf-8")
    context.say(f"\n[bold]Done[/bold] in {time.perf_counter() - begun:.1f} s. Next:")
    for line in (
        f"  open {html}",
        f"  clicklake --lake {lake_path} report top_products --limit 20",
        f"  clicklake --lake {lake_path} quality",
        f"  clicklake --lake {lake_path} quarantine show --reason invalid_amount",
        f'  clicklake --lake {lake_path} query "select event_type, count(*) from gold.fact_events group by 1"',
        "  clicklake init my-shop        a project for your own data",
    ):
        context.say(line)
