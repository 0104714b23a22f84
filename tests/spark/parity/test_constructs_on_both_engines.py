"""Random values through every construct that engines answer differently: Spark's answers are DuckDB's.

The seed is fixed, so that a failure can be repeated. A new construct is a line of `EXPRESSIONS` or of `QUERIES`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
import sqlglot

from clicklake.engines.dialect_hooks import SAME
from clicklake.engines.duckdb import DuckDB

from .comparing import assert_equal

if TYPE_CHECKING:
    from clicklake.engines.spark import Spark

ROWS = 1500
ZONE = "America/New_York"
LETTERS = [*map(chr, range(32, 127)), *"ÄäÉéÑñßЖжİıΑΣσς世👍", "\t", "\n", "\r"]

EXPRESSIONS = [
    # lake functions
    "reporting_time(ts)",
    "cast(reporting_time(ts) as date)",
    "unix_micros(ts)",
    "pct(part, whole)",
    "pct(part, 0)",
    "per(money, n)",
    "per(-money, n)",
    "per(n, whole)",
    "per(money, 0)",
    "per(cast(n as decimal(18, 2)) / 8, 1)",
    "lower_snake(words)",
    "lower_snake(text)",
    # whole numbers and decimals
    "n // 7",
    "-n // 7",
    "n % 7",
    "0::ubigint + n",
    "cast(n as hugeint) * 10",
    "money * n",
    "money * small",
    "cast(money * 1.5 as decimal(18, 2))",
    "cast(money / 3 as decimal(18, 2))",
    "money + n",
    "coalesce(money, 0)",
    "money / n",
    "n / 0",
    "n / whole",
    "cast(money * 1.005 as int)",
    "cast(half * 1e0 as int)",
    "cast(cast(half as double) as bigint)",
    "abs(money)",
    "floor(half)",
    "greatest(money, n)",
    "least(money, null)",
    "nullif(small, 0)",
    "1 << cast(small as int)",
    "cast(1 as bigint) << cast(abs(n) % 60 as int)",
    "n & 255",
    "cast(small is null as int)",
    "log(whole)",
    "cast(ln(whole) + exp(small) + sqrt(abs(half)) as decimal(38, 6))",
    "small ** 3",
    "pow(small, 2)",
    "round(money, 1)",
    "round(half)",
    "round(cast(n as double) / 1000, 2)",
    "round(real, 3)",
    "ceil(half)",
    "sign(money)",
    "isnan(real)",
    # texts
    "lower(text)",
    "upper(words)",
    "length(text)",
    "strlen(text)",
    "trim(text)",
    "trim(text, 'abc')",
    "substring(text, 2, 3)",
    "left(text, 3)",
    "text || '-' || words",
    "concat(text, null, n)",
    "concat_ws('|', text, words, null)",
    "replace(text, 'a', 'bb')",
    "contains(text, 'a')",
    "starts_with(text, 'a')",
    "split_part(words, '_', 2)",
    "string_split(words, '_')",
    "strpos(text, 'a')",
    "translate(text, 'abc', 'xy')",
    "md5(text)",
    "text like '%a%'",
    r"text like '%\%'",
    "text like words",
    "text not like '_b%'",
    "regexp_matches(text, '[0-9]')",
    "regexp_matches(text, 'a.b$')",
    "regexp_matches(text, '.$')",
    "regexp_full_match(words, '[a-z]+(_[a-z]+)*')",
    r"regexp_extract(lower(text), '([a-z]+)([^a-z]?)', 1)",
    r"regexp_extract(text, '(x)?[a-z]', 1)",
    r"regexp_replace(text, '([a-z])([A-Z])', '\1_\2', 'g')",
    r"regexp_replace(text, '[^\p{L}\p{N}]+', '$', 'g')",
    "regexp_extract(text, '.+$')",
    "regexp_extract(url, '^([a-z][a-z0-9+.-]*:)?(//)?([^/?#@]*@)?(www[.])?([^/:?#]*)', 5)",
    "cast(money as varchar)",
    "cast(n as varchar)",
    "cast(ts as varchar)",
    "cast(day as varchar)",
    "cast(yes as varchar)",
    "ends_with(text, 'a')",
    "right(text, 2)",
    "repeat(words, 2)",
    "lpad(words, 12, '*')",
    "rpad(text, 12, '*')",
    "text ilike '%A%'",
    "text ~ 'a+'",
    "regexp_matches(text, '(?i)é')",
    "json_object('a', text, 'b', small, 'c', yes, 'd', money, 'e', day)",
    'json_extract_string(\'{"a": {"b": 1.50}, "c": null, "d": "é"}\', \'$.a.b\')',
    'json_extract_string(\'{"a": {"b": 1.50}, "c": null, "d": "é"}\', \'$.d\')',
    "text = words or text < words",
    # dates and times
    "date_diff('day', day, other_day)",
    "date_diff('day', ts, other)",
    "date_diff('week', day, other_day)",
    "date_diff('month', ts, other)",
    "date_diff('quarter', day, other_day)",
    "date_diff('year', day, other_day)",
    "date_diff('hour', ts, other)",
    "date_diff('minute', ts, other)",
    "date_diff('second', ts, other)",
    "date_diff('millisecond', ts, other)",
    "date_trunc('week', ts)",
    "date_trunc('month', ts)",
    "date_trunc('quarter', day)",
    "date_trunc('month', cast(ts as date))",
    "date_trunc('hour', ts)",
    "isodow(day)",
    "dayofweek(ts)",
    "extract(dow from day)",
    "date_part('isodow', ts)",
    "weekofyear(day)",
    "week(ts)",
    "isoyear(day)",
    "extract('second' from ts)",
    "year(ts) * 10000 + month(ts) * 100 + day(ts)",
    "hour(ts)",
    "second(ts)",
    "dayofmonth(ts)",
    "current_date >= day or current_timestamp > ts",
    "minute(ts)",
    "dayofyear(day)",
    "quarter(day)",
    "dayname(day)",
    "monthname(ts)",
    "strftime(day, '%Y-%m-%d %B %A %j')",
    "strftime(ts, '%H:%M:%S.%f')",
    "epoch(ts)",
    "epoch_us(ts)",
    "make_timestamp(epoch_us(ts))",
    "make_date(2000 + small, 1, 1)",
    "ts + interval 1 month",
    "ts - interval 1 microsecond",
    "ts + interval (small) day",
    "day + cast(small as int)",
    "day - cast(date_diff('day', date '0001-01-01', day) % 7 as int)",
    "cast(ts as date)",
    "cast(day as timestamp)",
    "last_day(day)",
    "make_timestamp(2024, small + 1, 1, 2, 3, 4.5)",
    "day + to_days(small)",
    "ts >= timestamp '2000-01-01 12:30:00.5'",
    "day between date '1990-01-01' and other_day",
    # lists, maps, structs
    "items[1]",
    "items[-1]",
    "items[cast(small as int) + 1]",
    "items[5]",
    "tags['a']",
    "map_keys(tags)",
    "array_length(items)",
    "list_sort(items)",
    "array_to_string(items, ',')",
    "list_filter(items, lambda x: x is not null)",
    "list_filter(items, lambda x: x > 'b')",
    "list_transform(items, lambda x: x || '!')",
    "list_contains(items, 'a')",
    "list_sort(list_distinct(items))",
    "list_max(items)",
    "list_min(items)",
    "map_from_entries(list_sort(map_entries(tags)))",
    "struct_extract(struct_pack(a := small), 'a')",
    "list_filter([case when yes then 'a' end, case when small > 3 then 'b' end], lambda r: r is not null)",
    "[text, words]",
    "range(small)",
    "generate_series(1, small)",
    "array_length(range(small - 3))",
    "row(text, small) is distinct from row(words, small)",
    "row(null, small) = row(null, 3)",
    "struct_pack(a := small, b := yes).a",
    "items is not distinct from ['a', null]",
    # nulls and booleans
    "small is not distinct from 3",
    "yes is not true",
    "coalesce(text not in ('a', 'b'), true)",
    "small in (1, 2, null)",
    "case small when 1 then 'one' when null then 'none' else words end",
    "if(yes, small, null)",
    "hash(small, null) = hash(null, small)",
    "hash(text, tags, items) = hash(text, tags, items)",
]

QUERIES = [
    "select words, count(*) as n, sum(money) as s, avg(small) as a, min(text) as t, max(ts) as m from t group by words",
    # A sum of decimals is exact; divided, its last bit may differ.
    "select words, cast(avg(money) as decimal(18, 9)) as a from t group by words",
    "select words, cast(avg(money) filter (where small > 3) as decimal(18, 9)) as a from t group by words",
    "select id, avg(small) over (partition by words) as a from t",
    "select sum(money) as s, avg(money) as a, min(ts) as m, list(small) as l, bool_or(yes) as b from t where false",
    "select words, list(small order by small desc, id) as l from t group by words",
    "select words, list(small order by ts nulls first, id desc) as l from t group by words",
    "select words, list(text order by id) filter (where small > 3) as l from t group by words",
    "select words, list_sort(list(distinct small)) as l from t group by words",
    "select words, string_agg(text, ' > ' order by ts, id) as p from t group by words",
    "select words, string_agg(cast(small as varchar), '' order by small desc, id) as p from t group by words",
    "select words, arg_min(text, id) as a, arg_max(text, id) as b from t group by words",
    "select words, arg_min(items[1], id) as a, arg_max(items[1], id) as b from t group by words",
    "select words, arg_min(id, struct_pack(a := small, b := id)) as a from t group by words",
    "select words, arg_max(id, struct_pack(a := small, b := id)) filter (where yes) as a from t group by words",
    "select words, arg_max(id, row(small, struct_pack(x := items[1], y := id))) as a from t group by words",
    "select count(distinct text) as a, count(distinct (small, yes)) as b, count(small) as c from t",
    "select bit_or(1 << small) as b, max(small) as m from t group by yes",
    "select words, count_if(yes) a, bool_and(yes) b, bit_and(small) c, bit_xor(small) d from t group by words",
    "select words, cast(stddev(small) as decimal(18, 9)) a, cast(var_samp(small) as decimal(18, 9)) b, "
    "cast(stddev_pop(small) as decimal(18, 9)) c, cast(var_pop(small) as decimal(18, 9)) d from t group by words",
    "select words, cast(corr(small, n) as decimal(18, 9)) a, cast(covar_samp(small, id) as decimal(18, 6)) b "
    "from t group by words",
    "select corr(id, 1) a, corr(id, small) filter (where small = 3) b, corr(id, id) filter (where false) c from t",
    "select corr(id, id) filter (where id = 3) a, stddev(id) filter (where id = 3) b from t",
    "select any_value(1) a, any_value(small) filter (where false) b, any_value(n) filter (where id = 3) c from t",
    "select id, cume_dist() over (order by small) a, nth_value(id, 2) over (order by id) b from t",
    "select words, grouping(words) as g, count(*) as n from t group by cube (words)",
    "select t.id, u.x from t, unnest(t.items) as u(x)",
    "select id from t order by row(small, id)",
    "select id, row_number() over (partition by words order by text, id) as n from t",
    "select id, row_number() over (partition by words order by small desc, id) as n from t",
    "select id, percent_rank() over (order by small) as p, ntile(5) over (order by id) as q from t",
    "select id, rank() over (order by small desc nulls first, yes) as r, dense_rank() over (order by yes) as d from t",
    "select id, lag(small) over w as a, lead(small, 2) over w as b, first_value(small) over w as c from t "
    "window w as (partition by words order by id)",
    "select id, last_value(small ignore nulls) over w as v from t "
    "window w as (order by id rows between unbounded preceding and current row)",
    "select id, sum(small) over (order by id rows between 3 preceding and 1 following) as s from t",
    "select id, max(ts) over (order by ts range between unbounded preceding and interval 1 microsecond preceding) as m "
    "from t where ts is not null",
    "select * from (select id, small, words from t) qualify row_number() over (partition by words order by id) = 1",
    "select id, row_number() over (partition by words order by id desc) as place from t qualify place <= 2 order by id",
    "select t.id, small from t qualify count(*) over (partition by small, yes) > 1 order by id limit 7",
    "select id, small from t order by small desc, id limit 20",
    "select small, yes, count(*) as n from t group by all order by all",
    "select small from t union select n % 10 from t",
    "select small from t where small > 2 except select small from t where yes",
    "select a.id from t as a semi join t as b on a.small = b.small and b.id < a.id",
    "select a.id from t as a anti join t as b on a.small is not distinct from b.small and b.id < a.id",
    "select a.id, b.id as other from t as a left join t as b on a.id = b.id + 1 and b.yes",
    "select count(*) as n from t as a full join t as b using (small) where a.id < 20 and b.id < 20",
    "select id from t where (small, yes) in (select small, yes from t where id < 50)",
    "select id from t where small not in (select small from t where small is not null and id < 5)",
    "select id from t as a where exists (select 1 from t as b where b.id = a.id + 1 and b.yes)",
    "select id, unnest(items) as item from t",
    "select item, count(*) as n from (select unnest(items) as item from t) group by 1 order by 2 desc, 1",
    "select id, unnest(range(small)) as number from t",
    "with v (a, b) as (values (1, 'x'), (2, 'y')) select v.*, small from t inner join v on t.small = v.a",
    "select * exclude (tags, items, real) from t where id < 9",
    "select * from (select id, small from t) union all by name select * from (select small, id from t)",
    "select words, small, count(*) as n from t group by words, small having count(*) > 2",
    "select words, grouping_id(words) as g, count(*) as n from t group by rollup (words)",
    "select distinct words, yes from t",
    "select words, sum(n) / count(*) as a, sum(money) / sum(n) as b from t group by words",
    "select id, case when real > 1 then 'big' else 'small' end as size from t where real <> 0",
]


def rows() -> pa.Table:
    chance = random.Random(1)

    def some(make, share=0.1):
        return None if chance.random() < share else make()

    def time():
        year = chance.choice([1600, 1905, 1969, 1970, 1999, 2000, 2023, 2024, 2025, 2040])
        return datetime(year, 1, 1) + timedelta(
            days=chance.randrange(366),
            seconds=chance.randrange(86400),
            microseconds=chance.choice([0, 1, 500000, 999999]),
        )

    def text():
        return "".join(chance.choices(LETTERS, k=chance.randrange(8)))

    def words():
        return chance.choice(["page_view", "Page View", "pageView", "ADD-to-cart", "x", "", "_", "İΣ straße"])

    def listed():
        return [chance.choice(["a", "b", "c", None]) for _ in range(chance.randrange(4))]

    def url():
        return chance.choice(
            ["https://www.Shop.example/a?b", "//x@y.z:80/", "android-app://com.shop", "a b", "", "?q", "Ü.de"]
        )

    data = [
        {
            "id": number,
            "small": some(lambda: chance.randrange(10)),
            "n": some(lambda: chance.randrange(-(10**9), 10**12)),
            "part": some(lambda: chance.choice([chance.randrange(100), chance.randrange(10**14)])),
            "whole": some(lambda: chance.choice([8, 3, 200, chance.randrange(1, 10**14)])),
            "money": some(lambda: Decimal(chance.randrange(-(10**9), 10**9)).scaleb(-2)),
            "half": some(lambda: Decimal(chance.randrange(-1000, 1000)) / 2),
            "real": some(lambda: chance.choice([0.0, 0.1, 1.5, -2.25, 1e20])),
            "text": some(text),
            "words": some(words),
            "url": some(url),
            "ts": some(time),
            "other": some(time),
            "day": some(lambda: time().date()),
            "other_day": some(lambda: chance.choice([time().date(), date(1, 1, 1), date(2024, 12, 30)])),
            "yes": some(lambda: chance.random() < 0.5),
            "items": some(listed),
            "tags": some(lambda: sorted({chance.choice("abc"): chance.choice(["x", ""]) for _ in range(2)}.items())),
        }
        for number in range(ROWS)
    ]
    return pa.Table.from_pylist(data, SCHEMA)


SCHEMA = pa.schema(
    [
        *((name, pa.int64()) for name in ("id", "n", "part", "whole")),
        ("small", pa.int32()),
        ("money", pa.decimal128(18, 2)),
        ("half", pa.decimal128(18, 1)),
        ("real", pa.float64()),
        *((name, pa.string()) for name in ("text", "words", "url")),
        *((name, pa.timestamp("us")) for name in ("ts", "other")),
        *((name, pa.date32()) for name in ("day", "other_day")),
        ("yes", pa.bool_()),
        ("items", pa.list_(pa.string())),
        ("tags", pa.map_(pa.string(), pa.string())),
    ]
)

Both = tuple[DuckDB, "Spark"]


@pytest.fixture(scope="module")
def both(open_spark: Callable[..., Spark]) -> Iterator[Both]:
    """Both engines with the same table of random rows, `t`."""
    duckdb, spark = DuckDB(threads=1, reporting_timezone=ZONE), open_spark(ZONE)
    for engine in (duckdb, spark):
        engine.register("t", rows())
    yield duckdb, spark
    duckdb.close()
    spark.close()


def test_every_function_that_is_carried_over_is_tried() -> None:
    trees = [sqlglot.parse_one(sql, read="duckdb") for sql in [*(f"select {one}" for one in EXPRESSIONS), *QUERIES]]
    tried = {type(node) for tree in trees for node in tree.walk()}
    assert {node.__name__ for node in SAME - tried} == set()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_has_equal_values(both: Both, expression: str) -> None:
    duckdb, spark = both
    sql = f"select id, {expression} as value from t order by id"
    assert_equal(spark.table(sql), duckdb.table(sql), numbers=True)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_has_equal_rows(both: Both, query: str) -> None:
    duckdb, spark = both
    is_in_order = sqlglot.parse_one(query, read="duckdb").args.get("order") is not None
    assert_equal(spark.table(query), duckdb.table(query), in_order=is_in_order, numbers=True)
