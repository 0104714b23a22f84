"""The pages about all tables: the first page, lineage, data model, rules, reports."""

from __future__ import annotations

from html import escape

from clicklake.catalogue_site.gathered import LAYERS, Gathered, columns_of_report
from clicklake.catalogue_site.pages.table import SEVERITY
from clicklake.catalogue_site.parts import (
    empty,
    facts,
    grid,
    mark,
    page,
    picture,
    section,
    table_link,
    table_path,
    words,
)
from clicklake.catalogue_site.pictures import lineage_picture, relation_picture, relations
from clicklake.reports.formats import integer, percent, timestamp


def home_page(site: Gathered) -> str:
    """The first page: every table by layer, and how the lake stands."""
    release = site.release
    run = site.status.last_run
    about = facts(
        {
            "Tables": f"<strong>{len(site.tables)}</strong>",
            "Columns": f"<strong>{sum(len(table.columns) for table in site.tables.values())}</strong>",
            "Rules": f"<strong>{sum(len(table.rules) for table in site.tables.values())}</strong>",
            "Release": f"<strong>{release.release_id}</strong>" if release else "nothing is published yet",
            "Published": timestamp(release.released_at.replace(microsecond=0)) if release else "",
            "Last run": f"{escape(str(run['status']))} in {run['seconds']:.1f} s" if run else "",
            "Currency": escape(site.currency),
        }
    )
    parts = [_sources(site), *(_layer(site, layer) for layer in LAYERS)]
    lead = "<p class='lead'>Every table, column and rule of this lake, where it comes from and how good it is.</p>"
    return page(site, "index.html", "Tables", f"<h1>{escape(site.name)}</h1>{lead}{about}{''.join(parts)}")


def _sources(site: Gathered) -> str:
    known = {source["source"]: source for source in site.status.sources}
    rows = []
    for name, table in site.tables.items():
        if table.layer != "bronze":
            continue
        source = known.get(table.sources[0], {})
        fresh = source.get("freshness", "never")
        score = source.get("quality_score")
        kind = "good" if fresh == "fresh" else "warning" if fresh == "late" else ""
        last = source.get("last_ingested")
        rows.append(
            (
                "",
                [
                    f"<a href='{table_path(name)}'>{escape(table.sources[0])}</a><br>"
                    f"<small>{words(table.purpose)}</small>",
                    integer(source["files"]) if source else "–",
                    integer(source["rows"]) if source else "–",
                    percent(score) if score is not None else "–",
                    mark(fresh, kind)
                    + (f"<br><small>{timestamp(last.replace(microsecond=0))}</small>" if last else ""),
                    escape(table.owner or "–"),
                ],
            )
        )
    heads = ["Source", "Files", "Rows", "Loaded", "Freshness", "Owner"]
    return section("sources", "Sources", grid(heads, rows, "Sources", numbers=(1, 2, 3))) if rows else ""


def _layer(site: Gathered, layer: str) -> str:
    rows = []
    for name, table in site.tables.items():
        if table.layer != layer:
            continue
        state = site.states[name]
        rows.append(
            (
                "",
                [
                    f"<a href='{table_path(name)}'><code>{escape(name)}</code></a>",
                    words(table.description),
                    integer(state.rows) if state.is_there else "–",
                    integer(len(table.columns)),
                    timestamp(state.changed_at.replace(microsecond=0)) if state.changed_at else "–",
                    escape(table.owner or "–"),
                ],
            )
        )
    heads = ["Table", "What a row is", "Rows", "Columns", "Changed", "Owner"]
    body = grid(heads, rows, f"Tables of {layer}", numbers=(2, 3)) if rows else empty("No table yet.")
    return section(layer, layer.capitalize(), body, words(LAYERS[layer]))


def lineage_page(site: Gathered) -> str:
    """How all tables are made of each other."""
    drawing = lineage_picture(site, "")
    body = picture(drawing, "Lineage of all tables") if drawing else empty("There are no tables.")
    lead = (
        "<p class='lead'>From the files on the left to the reports on the right. Point at a box to see what it is made "
        "of and what is made of it; each table's own page shows its columns too.</p>"
    )
    rows = [
        (
            "",
            [
                table_link(site, name, ""),
                ", ".join(table_link(site, other, "") for other in site.lineage.upstream(name)) or "–",
                ", ".join(table_link(site, other, "") for other in site.lineage.downstream(name)) or "–",
            ],
        )
        for name in site.lineage.tables
        if not name.startswith(("file:", "report:"))
    ]
    words_too = section("words", "The same in words", grid(["Table", "Made of", "Used by"], rows, "Lineage in words"))
    return page(site, "lineage.html", "Lineage", f"<h1>Lineage</h1>{lead}{body}{words_too}", is_wide=True)


def model_page(site: Gathered) -> str:
    """Entity-relationship diagrams of gold and silver."""
    parts = []
    for layer in ("gold", "silver"):
        names = [name for name in site.tables if name.startswith(f"{layer}.")]
        drawing = relation_picture(site, "", names, f"Relations between the tables of {layer}")
        if not drawing:
            continue
        rows = [
            (
                "",
                [
                    table_link(site, child, ""),
                    ", ".join(f"<code>{escape(column)}</code>" for column in reference.columns),
                    table_link(site, reference.table, ""),
                    ", ".join(f"<code>{escape(column)}</code>" for column in reference.to),
                    mark("checked", "good", "Proved before each release")
                    if reference.is_checked
                    else mark("declared", "", "By the contract; a row may come before what it names"),
                ],
            )
            for child, reference in relations(site, names)
        ]
        table = grid(["Table", "Columns", "Names a row of", "By", ""], rows, f"Foreign keys of {layer}")
        parts.append(section(layer, layer.capitalize(), picture(drawing, f"Relations in {layer}") + table))
    lead = (
        "<p class='lead'>Tables with their key columns (PK) and foreign keys (FK); in silver the key is what a row "
        "is a version of. Many rows at the end with the crow's foot name one row at the other end.</p>"
    )
    body = "".join(parts) or empty("No table names another one.")
    return page(site, "model.html", "Data model", f"<h1>Data model</h1>{lead}{body}", is_wide=True)


def rules_page(site: Gathered) -> str:
    """Every rule of every table."""
    rows = []
    for name, table in site.tables.items():
        for rule in table.rules:
            if rule.kind == "rule" and table.layer == "silver":
                continue  # it stands with the contract that has it
            verb, meaning = SEVERITY[rule.severity]
            target = f"{table_path(name)}#rule-{escape(rule.name)}"
            rows.append(
                (
                    "",
                    [
                        f"<a href='{target}'><code>{escape(rule.name)}</code></a>",
                        table_link(site, name, ""),
                        words(rule.description),
                        escape(rule.dimension),
                        mark(verb, "", meaning),
                    ],
                )
            )
    lead = "<p class='lead'>What must hold: rules on each row, keys, foreign keys, and checks before a release.</p>"
    table_of_all = grid(["Rule", "Table", "Meaning", "Dimension", ""], rows, "All rules")
    return page(site, "rules.html", "Rules", f"<h1>Rules</h1>{lead}{table_of_all}")


def reports_page(site: Gathered) -> str:
    """Every report with its columns."""
    parts = []
    for name, report in site.reports.items():
        used = ", ".join(table_link(site, other, "") for other in site.lineage.upstream(f"report:{name}"))
        columns = [
            (
                "",
                [
                    f"<code>{escape(column)}</code>",
                    escape(report.doc.columns[column].type) if column in report.doc.columns else "",
                    words(report.doc.columns[column].description) if column in report.doc.columns else "",
                ],
            )
            for column in columns_of_report(site, name)
        ]
        body = (
            f"<p>{words(report.doc.description)}</p><p class='near'><strong>Made of</strong> {used or 'nothing'} "
            f"<strong>Run</strong> <code>clicklake report {escape(name)}</code></p>"
            f"<details><summary>{len(columns)} columns</summary>"
            f"{grid(['Column', 'Type', 'Meaning'], columns, f'Columns of {name}')}</details>"
        )
        parts.append(section(name, report.doc.title, body))
    body = "".join(parts) or empty("There are no reports.")
    return page(site, "reports.html", "Reports", f"<h1>Reports</h1>{body}")
