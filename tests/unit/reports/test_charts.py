"""Every kind of chart, drawn from a document; what is drawn is read back from the SVG."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pyarrow as pa
import pytest

from clicklake.contracts.model import Chart, ReportColumn, ReportDoc, load_report
from clicklake.reports.render import Result
from clicklake.reports.render.charts import HALF, PHONE, Figure, Painter, paint
from clicklake.reports.render.theme import DARK, LIGHT

SHIPPED = sorted(Path(str(files("clicklake"))).glob("shop/reports/*.yml"))
NO_CHART = {"kpi", "none"}


@pytest.fixture(scope="module")
def painter() -> Iterator[Painter]:
    with Painter() as ready:
        yield ready


@pytest.fixture
def draw(painter) -> Callable[..., Figure | None]:
    return lambda result, *widths: paint(result, painter, widths or (PHONE,))


def svg(figure: Figure, width: int = PHONE) -> ElementTree.Element:
    return ElementTree.fromstring(figure.drawings[width].result())


def texts(figure: Figure, width: int = PHONE) -> list[str]:
    return [element.text for element in svg(figure, width).iter("text")]


def tips(figure: Figure) -> list[str]:
    return [element.findtext("title") for element in svg(figure).iter("path") if element.get("class") == "mark"]


def days(count: int, *, without: tuple[int, ...] = ()) -> list[tuple]:
    all_days = [date(2025, 1, 1) + timedelta(place) for place in range(count) if place not in without]
    return [(day, "Weekend" if day.weekday() > 4 else "Weekday", 100 + day.day) for day in all_days][::-1]


def test_lying_bars_name_their_values(draw, nine):
    figure = draw(nine["top_products"])
    assert figure.title == "Views of the most viewed products"
    assert figure.notes == ("First 10 of 1,234 rows.",)
    assert {"18,400", "0", "10k", "Product views", "Product ID"} <= set(texts(figure))
    assert tips(figure)[0].endswith(" · Product views: 18,400")


def test_standing_bars_name_their_peak(draw, nine):
    figure = draw(nine["hourly_engagement"])
    assert {"Active users", "Hour", "0", "20,592"} <= set(texts(figure))
    assert len(tips(figure)) == 24


def test_a_funnel_says_how_many_are_left(draw, nine):
    figure = draw(nine["conversion_funnel"], PHONE, HALF)
    assert texts(figure) == [
        *("Product view", "Add to cart", "Purchase"),
        *("48,213", "19,877 · 41.2%", "6,120 · 12.7%"),
    ]
    assert "6,120 · 12.7% of first · 30.8% of previous" in texts(figure, HALF)


def test_a_line_names_its_end_and_its_peak(draw, nine):
    figure = draw(nine["daily_active_users"])
    assert figure.is_wide and figure.notes == ("Weekends are shaded.",)
    latest = nine["daily_active_users"].columns()[2].texts[0]
    assert latest in texts(figure)
    assert any(text.endswith("on 2025-02-28") for text in texts(figure))
    assert len(tips(figure)) == 90
    assert {"Date, 2025", "Active users"} <= set(texts(figure))


def test_no_line_is_drawn_through_days_without_data(draw, doc, result):
    chart = {"kind": "line", "x": "date", "y": "active_users"}
    columns = doc("date day_type active_users", chart)

    def line(rows: list[tuple]) -> str:
        paths = svg(draw(result("r", columns, rows))).iter("path")
        return next(p.get("d") for p in paths if p.get("stroke") == LIGHT["accent"] and p.get("fill") != "x")

    assert line(days(30)).count("M") == 1
    assert line(days(30, without=(10, 11, 20))).count("M") == 3


def test_weekends_are_bands(draw, doc, result):
    figure = draw(result("r", doc("date day_type users", {"kind": "area", "x": "date", "y": "users"}), days(14)))
    bands = [p for p in svg(figure).iter("path") if p.get("fill") == LIGHT["shade"]]
    assert len(bands) == 2
    assert figure.title == "Users by date"


def test_series_are_named_at_their_ends(draw, doc, result):
    columns = doc("date segment users", {"kind": "line", "x": "date", "y": "users", "series": "segment"})
    rows = [(date(2025, 1, 1 + day), name, size + day) for day in range(9) for name, size in (("b", 10), ("a", 50))]
    figure = draw(result("r", columns, rows))
    assert {"a 58", "b 18"} <= set(texts(figure))
    assert tips(figure)[0].splitlines() == ["2025-01-01 · b · Users: 10", "2025-01-01 · a · Users: 50"]
    strokes = {p.get("stroke") for p in svg(figure).iter("path")}
    assert {LIGHT["accent"], LIGHT["grey1"]} <= strokes


def test_bars_of_series_have_a_legend(draw, doc, result):
    columns = doc("day_name segment revenue", {"kind": "bar", "x": "day_name", "y": "revenue", "series": "segment"})
    rows = [(day, name, Decimal(5)) for day in ("Monday", "Sunday") for name in ("booked", "paid")]
    assert {"booked", "paid", "5.00", "Revenue (EUR)"} <= set(texts(draw(result("r", columns, rows))))


def test_a_heatmap_colours_by_its_series(draw, doc, result):
    columns = doc("hour day_name users", {"kind": "heatmap", "x": "hour", "y": "day_name", "series": "users"})
    rows = [(hour, day, hour * 100) for day in ("Monday", "Sunday") for hour in range(24)]
    figure = draw(result("r", columns, rows))
    assert figure.notes == ("The stronger the colour, the higher, from 0 to 2,300.",)
    assert "23 · Sunday · Users: 2,300" in tips(figure)
    cells = [p for p in svg(figure).iter("path") if p.get("class") == "mark"]
    shades = [float(cell.get("fill-opacity")) for cell in cells[:24]]
    assert shades == sorted(shades) and shades[-1] == 1


def test_bars_start_at_zero(draw, nine):
    """The lengths of the bars have the ratios of their values."""
    bars = [p.get("d") for p in svg(draw(nine["user_segments"])).iter("path") if p.get("class") == "mark"]
    numbers = [[float(number) for number in re.findall(r"-?[0-9]+(?:[.][0-9]+)?", bar)] for bar in bars]
    values = nine["user_segments"].table["user_count"].to_pylist()
    ratios = [(max(bar[::2]) - min(bar[::2])) / value for bar, value in zip(numbers, values, strict=True)]
    assert max(ratios) / min(ratios) < 1.02


@pytest.mark.parametrize("kind", sorted(set(get_args(Chart.model_fields["kind"].annotation)) - NO_CHART))
@pytest.mark.parametrize(
    "rows",
    [
        [("zero", 0)],
        [("minus", -5), ("plus", 3), ("null", None), (None, 1)],
        [("日本の商品 & <b>", 10**15), ("a" * 200, 1)],
    ],
    ids=["one", "signs", "odd"],
)
def test_every_kind_draws_what_data_can_be(draw, doc, result, kind, rows):
    chart = {"kind": kind, "x": "segment", "y": "users", "series": "users" if kind == "heatmap" else None}
    figure = draw(result("r", doc("segment users", chart), rows))
    root = svg(figure)
    assert float(root.get("width")) == pytest.approx(PHONE, abs=30)
    assert "NaN" not in figure.drawings[PHONE].result()


@pytest.mark.parametrize("kind", ["line", "area", "bar"])
@pytest.mark.parametrize("column", ["date", "event_timestamp", "hour"])
def test_places_can_be_days_times_and_numbers(draw, doc, result, kind, column):
    start = {"date": date(2025, 1, 1), "event_timestamp": datetime(2025, 1, 1, 5), "hour": 0}[column]
    step = 1 if column == "hour" else timedelta(days=1)
    rows = [(start + step * place, place) for place in range(6)]
    figure = draw(result("r", doc(f"{column} users", {"kind": kind, "x": column, "y": "users"}), rows))
    assert len(tips(figure)) == 6


@pytest.mark.parametrize("kind", sorted(NO_CHART))
def test_kinds_without_a_drawing(draw, doc, result, kind):
    assert draw(result("r", doc("users", {"kind": kind}), [(1,)])) is None


def test_nothing_is_drawn_without_numbers(draw, doc, result):
    columns = doc("segment users", {"kind": "bar", "x": "segment", "y": "users"})
    assert draw(result("r", columns, [])) is None
    assert draw(result("r", columns, [("a", None)])) is None
    timeless = doc("date users", {"kind": "line", "x": "date", "y": "users"})
    assert draw(result("r", timeless, [(None, 1)])) is None


def test_what_does_not_fit_is_counted(draw, doc, result):
    columns = doc("segment users", {"kind": "bar", "x": "segment", "y": "users"})
    figure = draw(result("r", columns, [(f"p{number}", number or None) for number in range(40)]))
    assert figure.notes == ("First 15 of 39 rows.", "Rows without a value: 1.")


def test_drawings_bring_no_ids_and_no_names_from_elsewhere(draw, nine):
    for name in ("daily_active_users", "top_products", "hourly_engagement", "conversion_funnel"):
        drawing = draw(nine[name]).drawings[PHONE].result()
        assert not re.search("xmlns| id=|url|http|clip", drawing)


def test_colours_can_be_told_apart_by_the_style_sheet():
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert LIGHT.keys() == DARK.keys()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_the_shipped_reports_draw_columns_that_they_have(draw, file):
    shipped: ReportDoc = load_report(file).doc
    samples = {"string": "text", "date": date(2025, 1, 1), "timestamp": datetime(2025, 1, 1), "boolean": True}
    row = {name: [samples.get(column.type, 1)] for name, column in shipped.columns.items()}
    figure = draw(Result(file.stem, shipped, pa.table(row), "EUR", "all data"))
    assert (figure is None) == (shipped.chart.kind in NO_CHART)
    assert shipped.chart.kind == "none" or shipped.chart.title
    assert all(isinstance(column, ReportColumn) for column in shipped.columns.values())
