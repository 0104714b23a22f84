"""Settings: where values come from, which one holds, whether errors name the place and what is allowed."""

import json
import os
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from clicklake.config import LoadedSettings, Settings, load_settings, settings_reference
from clicklake.errors import ConfigError
from clicklake.project.init import TEMPLATE
from clicklake.settings import PATH_KEYS

REFERENCE = {setting.key: setting for setting in settings_reference()}
OTHER_VALUES = {
    "lake": "s3://bucket/lake",
    "engine": "spark",
    "currency": "EUR",
    "currency_rates": "s3://bucket/rates.csv",
    "holidays": "s3://bucket/holidays.csv",
    "reporting_timezone": "Europe/Berlin",
    "purchase_source": "clicks",
    "sources.*.paths": "s3://b/one.csv, s3://b/two.csv",
    "sources.*.drift": "evolve",
    "owners.*": "Analytics",
    "rules.max_amount": "100000.50",
    "rules.earliest_event": "2015-01-01",
    "rules.latest_event": "2030-12-31",
    "lifetime_value.horizon_days": "90",
    "lifetime_value.discount_rate": "0.1",
    "lifetime_value.at_risk_gaps": "3",
    "segments.high": "30",
    "segments.medium": "6",
    "segments.low": "3",
    "affinity.min_orders": "3",
    "affinity.max_products": "50",
    "quality.warn_under": "90.5",
    "quality.fail_under": "80",
    "quality.sources.*.warn_under": "70",
    "quality.sources.*.fail_under": "60",
    "quality.when": "after_run",
    "quality.dimensions.*.warn_under": "99",
    "quality.dimensions.*.fail_under": "98",
    "quality.tables.*.warn_under": "97",
    "quality.tables.*.fail_under": "96",
    "duckdb.memory_limit": "1.5GiB",
    "duckdb.threads": "4",
    "duckdb.temp_directory": "/scratch",
    "storage.compression": "snappy",
    "storage.compression_level": "9",
    "storage.checkpoint_interval": "20",
    "storage.log_retention_days": "60",
    "storage.file_retention_days": "14",
    "storage.compaction.when": "never",
    "storage.compaction.min_files": "20",
    "storage.compaction.small_file": "4MB",
    "object_store.endpoint": "https://minio.example.com:9000",
    "object_store.region": "eu-central-1",
    "object_store.access_key_id": "AKIAEXAMPLE",
    "object_store.secret_access_key": "an-example",
    "object_store.session_token": "another-example",
    "logs.directory": "/var/log/clicklake",
    "logs.level": "debug",
    "alerts.urls": "json://localhost",
    "alerts.least": "fail",
    "openlineage.url": "http://localhost:5000/api/v1/lineage",
    "openlineage.file": "/var/log/openlineage.jsonl",
    "openlineage.namespace": "shop",
    "spark.master": "spark://host:7077",
    "spark.memory": "4GB",
    "spark.conf.*": "3",
    "kafka.brokers": "one:9092, two:9092",
    "kafka.topics.*": "clicks",
    "access.roles.*.reads": "gold, silver.orders",
    "access.roles.*.hides": "*.*.margin*",
    "access.roles.*.plain": "gold.dim_customers.email",
    "access.roles.*.may": "query",
    "access.secret": "x" * 40,
    "access.keys_file": "/keys.json",
    "access.tokens.secret": "x" * 40,
    "access.tokens.public_key": "/key.pem",
    "access.tokens.jwks": "/keys.jwks",
    "access.tokens.issuer": "https://login.example.com/",
    "access.tokens.audience": "clicklake",
    "access.tokens.leeway": "1m",
    "access.claims.name": "email",
    "access.claims.role": "groups",
    "access.claims.roles.*": "analyst",
    "access.tokens.algorithms": "RS256",
    "api.host": "0.0.0.0",
    "api.port": "8000",
    "api.host_names": "lake.example.com",
    "api.origins": "https://shop.example.com",
    "api.proxies": "10.0.0.2",
    "api.requests_per_minute": "60",
    "api.failures_per_minute": "5",
    "api.body_bytes": "2MB",
    "api.page_rows": "500",
    "api.result_rows": "500",
    "api.result_bytes": "8MB",
    "api.query_seconds": "5",
    "api.stream_seconds": "60",
    "api.stalled_seconds": "30",
    "api.at_once": "2",
    "api.waiting": "8",
    "api.kept_bytes": "8MB",
    "api.audit": "never",
    "dashboard.login.metadata_url": "https://login.example.com/.well-known/openid-configuration",
    "dashboard.login.client_id": "clicklake",
    "dashboard.login.client_secret": "x" * 40,
    "dashboard.login.cookie_secret": "x" * 40,
    "dashboard.login.url": "https://lake.example.com",
    "kafka.group": "shop",
    "kafka.start": "latest",
    "kafka.batch_seconds": "10.5",
    "kafka.batch_rows": "5000",
    "kafka.buffer": "16MB",
    "kafka.watermark": "30m",
    "kafka.event_time": "event_timestamp",
    "kafka.on_gap": "continue",
    "kafka.spark_source": "connector",
    "kafka.options.*": "SSL",
}


A_SIZE = "a size such as 512MB, 2GB or 1.5GiB; units: KB, MB, GB, TB, KiB, MiB, GiB, TiB"
THREADS = "a whole number (from 1 up to 1024), or null"


@pytest.fixture
def load(tmp_path):
    """Loads the settings of a project folder with the given clicklake.yaml and environment."""

    def loads(text=None, /, *, start=tmp_path, **environ):
        arguments = {name: environ.pop(name) for name in ("config", "profile", "overrides") if name in environ}
        if text is not None:
            (tmp_path / "clicklake.yaml").write_text(text, encoding="utf-8")
        return load_settings(environ=environ, start=start, **arguments)

    return loads


@pytest.fixture
def refused(load, tmp_path):
    """The error of settings that are wrong, and its lines with the project's folder left out."""

    def refuses(*arguments, **named):
        with pytest.raises(ConfigError) as caught:
            load(*arguments, **named)
        return caught.value, str(caught.value).replace(f"{tmp_path}{os.sep}", "").splitlines()

    return refuses


def value_at(settings: Settings, key: str):
    value = settings.model_dump()
    for part in key.split("."):
        value = value[part]
    return value


def test_without_a_file_the_defaults_hold(load, tmp_path):
    loaded = load()
    assert loaded.settings == Settings(lake=str(tmp_path / "lake"))
    assert (loaded.file, loaded.project, loaded.profile) == (None, None, None)
    assert set(loaded.origin.values()) == {"default"}
    assert set(loaded.origin) == {key for key in REFERENCE if "*" not in key} | {
        "owners",
        "sources",
        "quality.sources",
        "quality.dimensions",
        "quality.tables",
        "kafka.topics",
        "kafka.options",
        "spark.conf",
        "access.roles",
        "access.claims.roles",
    }


def test_defaults_are_those_of_the_specification():
    settings = Settings()
    assert (settings.lake, settings.engine, settings.currency) == ("./lake", "duckdb", "USD")
    assert (settings.reporting_timezone, settings.purchase_source) == ("UTC", "auto")
    assert settings.segments.model_dump() == {"high": 20, "medium": 5, "low": 2}


def test_every_layer_goes_over_the_one_before(load):
    text = "\n".join(
        [
            "storage:",
            "  compression_level: 2",
            "  checkpoint_interval: 2",
            "  log_retention_days: 2",
            "  file_retention_days: 2",
            "profiles:",
            "  prod:",
            "    storage:",
            "      checkpoint_interval: 3",
            "      log_retention_days: 3",
            "      file_retention_days: 3",
        ]
    )
    loaded = load(
        text,
        profile="prod",
        CLICKLAKE_STORAGE__LOG_RETENTION_DAYS="4",
        CLICKLAKE_STORAGE__FILE_RETENTION_DAYS="4",
        overrides={"storage.file_retention_days": 5},
    )
    storage = loaded.settings.storage
    assert storage.model_dump(exclude={"compaction"}) == {
        "compression": "zstd",
        "compression_level": 2,
        "checkpoint_interval": 3,
        "log_retention_days": 4,
        "file_retention_days": 5,
    }
    assert {key: origin for key, origin in loaded.origin.items() if key.startswith("storage.")} == {
        "storage.compression": "default",
        "storage.compaction.when": "default",
        "storage.compaction.min_files": "default",
        "storage.compaction.small_file": "default",
        "storage.compression_level": "clicklake.yaml:2",
        "storage.checkpoint_interval": "clicklake.yaml:9",
        "storage.log_retention_days": "CLICKLAKE_STORAGE__LOG_RETENTION_DAYS",
        "storage.file_retention_days": "--storage-file-retention-days",
    }


@pytest.mark.parametrize("key", REFERENCE)
def test_every_default_can_be_set_by_the_environment(load, key):
    name = key.replace("*", "accuracy" if ".dimensions." in key else "click_events")
    variable = "CLICKLAKE_" + name.replace(".", "__").upper()
    needed = {"CLICKLAKE_ACCESS__TOKENS__" + n: "x" for n in ("PUBLIC_KEY", "ISSUER", "AUDIENCE")}
    loaded = load(
        "engine: duckdb\n", **(needed if key == "access.tokens.algorithms" else {}), **{variable: OTHER_VALUES[key]}
    )
    value = value_at(loaded.settings, name)
    if key == "alerts.urls":
        value = [url.get_secret_value() for url in value]
    value = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    shown = ", ".join(value) if isinstance(value, list) else str(value)
    assert shown in (OTHER_VALUES[key], f"{OTHER_VALUES[key]}.0")
    assert shown != REFERENCE[key].default
    assert loaded.origin[name] == variable


def test_types_of_values_from_text(load):
    rules = load(
        CLICKLAKE_RULES__MAX_AMOUNT="0.10",
        CLICKLAKE_RULES__EARLIEST_EVENT="2020-02-29",
        CLICKLAKE_QUALITY__FAIL_UNDER="",
    ).settings.rules
    assert (rules.max_amount, rules.earliest_event) == (Decimal("0.10"), date(2020, 2, 29))


def test_lists_and_sections_in_the_environment(load, tmp_path):
    loaded = load(
        "quality: {fail_under: 50}\nsegments: {medium: 4}\n",
        CLICKLAKE_SOURCES__CLICK_EVENTS__PATHS=" a.csv, s3://b/*.csv ,",
        CLICKLAKE_SOURCES__WEB_EVENTS__PATHS='["a,b.json"]',
        CLICKLAKE_SEGMENTS='{"high": 50, "low": 3}',
        CLICKLAKE_QUALITY__FAIL_UNDER="null",
    ).settings
    assert loaded.sources["click_events"].paths == [str(tmp_path / "a.csv"), "s3://b/*.csv"]
    assert loaded.sources["web_events"].paths == [str(tmp_path / "a,b.json")]
    assert loaded.segments.model_dump() == {"high": 50, "medium": 4, "low": 3}
    assert loaded.quality.fail_under is None


def test_a_variable_without_text_and_a_flag_without_value_are_not_set(load):
    loaded = load("engine: spark\n", CLICKLAKE_ENGINE="", CLICKLAKE_NOSUCH="", overrides={"engine": None})
    assert (loaded.settings.engine, loaded.origin["engine"]) == ("spark", "clicklake.yaml:1")


def test_the_reserved_variables_are_no_settings(load):
    assert load("profiles: {a: {}}", CLICKLAKE_DEBUG="1", CLICKLAKE_PROFILE="a").profile == "a"


def test_sections_and_profiles_without_content_change_nothing(load):
    loaded = load(
        "duckdb: {threads: 3}\nsources:\nrules:\nprofile: dev\nprofiles:\n  dev:\n    duckdb:\n    sources: {}\n  x:\n"
    )
    assert loaded.settings.duckdb.threads == 3
    assert loaded.settings.sources == {}
    assert load("# nothing set\n").settings == load("").settings


def test_a_source_without_content_is_a_source(load):
    loaded = load("sources:\n  orders:\n", CLICKLAKE_SOURCES__ORDERS__DRIFT="fail")
    assert loaded.settings.sources["orders"].model_dump() == {"paths": [], "drift": "fail"}
    assert load("sources:\n  orders:\n").settings.sources["orders"].paths == []


def test_an_empty_section_is_not_blamed(refused):
    _, lines = refused("segments:\n", CLICKLAKE_SEGMENTS__HIGH="5")
    assert lines == ["CLICKLAKE_SEGMENTS__HIGH: segments: high (5) must be above medium (5), and medium above low (2)"]


def test_bounds_that_are_allowed(load):
    text = "rules: {earliest_event: 2026-01-01, latest_event: 2026-01-01}\nduckdb: {memory_limit: 512 mb}"
    settings = load(text).settings
    assert settings.rules.earliest_event == settings.rules.latest_event
    assert settings.duckdb.memory_limit == "512 mb"


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Settings().engine = "spark"


def test_null_unsets(load):
    assert (
        load(
            "quality: {fail_under: 90}\nprofiles: {a: {quality: {fail_under: null}}}", profile="a"
        ).settings.quality.fail_under
        is None
    )


def test_a_single_path_may_stand_alone(load, tmp_path):
    assert load("sources: {orders: {paths: o.csv}}").settings.sources["orders"].paths == [str(tmp_path / "o.csv")]


# Profiles


PROFILES = """\
currency: EUR
profile: dev
profiles:
  dev: {lake: ./dev}
  stage: {lake: ./stage}
  prod:
    lake: ./prod
"""


@pytest.mark.parametrize(
    ("given", "profile"),
    [
        ({}, "dev"),
        ({"CLICKLAKE_PROFILE": "stage"}, "stage"),
        ({"CLICKLAKE_PROFILE": "stage", "profile": "prod"}, "prod"),
    ],
)
def test_the_profile_is_that_of_the_flag_the_variable_or_the_file(load, tmp_path, given, profile):
    loaded = load(PROFILES, **given)
    assert loaded.profile == profile
    assert (loaded.settings.lake, loaded.settings.currency) == (str(tmp_path / profile), "EUR")


def test_no_profile_where_none_is_named(load):
    assert load("profiles: {dev: {engine: spark}}").profile is None
    assert load("profile: ${P:-dev}\nprofiles: {dev: {engine: spark}, x: }", P="x").profile == "x"


@pytest.mark.parametrize(
    ("text", "given", "message", "line"),
    [
        (
            PROFILES,
            {"profile": "stag"},
            "--profile: there is no profile 'stag' in clicklake.yaml (did you mean 'stage'?); "
            "defined: dev, stage, prod",
            None,
        ),
        (
            PROFILES,
            {"CLICKLAKE_PROFILE": "xyz"},
            "CLICKLAKE_PROFILE: there is no profile 'xyz' in clicklake.yaml; defined: dev, stage, prod",
            None,
        ),
        (
            "currency: EUR\nprofile: prd\nprofiles:\n  prod:",
            {},
            "clicklake.yaml:2: there is no profile 'prd' (did you mean 'prod'?); defined: prod",
            2,
        ),
        (
            "",
            {"profile": "dev"},
            "--profile: there is no profile 'dev' in clicklake.yaml; defined: none",
            None,
        ),
    ],
)
def test_an_undefined_profile(refused, text, given, message, line):
    error, lines = refused(text, **given)
    assert lines == [message]
    assert (error.line, error.key) == (line, "profile")


def test_a_profile_without_a_file(refused, tmp_path):
    _, lines = refused(profile="dev")
    assert lines == [f"--profile: no profile 'dev': there is no clicklake.yaml in {tmp_path} or above"]


def test_profiles_do_not_nest(refused):
    error, lines = refused("profiles:\n  a:\n    profiles:\n      b: {}", profile="a")
    assert lines == ["clicklake.yaml:3: a profile can't hold 'profiles'"]
    assert (error.line, error.key) == (3, "profiles")


# Wrong values


TOP_KEYS = (
    "lake, engine, currency, currency_rates, holidays, reporting_timezone, purchase_source, sources, rules, segments, "
    "lifetime_value, affinity, quality, duckdb, spark, storage, object_store, owners, logs, alerts, openlineage, "
    "kafka, access, dashboard, api, profile, profiles"
)
WRONG_IN_FILE = {
    "currency: EUR\nlak: x": f"2: unknown key 'lak' (did you mean 'lake'?); allowed here: {TOP_KEYS}",
    "profils:\n  a: {b: 1}": f"1: unknown key 'profils' (did you mean 'profiles'?); allowed here: {TOP_KEYS}",
    "duckdb:\n  memori_limit: 1GB": (
        "2: unknown key 'duckdb.memori_limit' (did you mean 'memory_limit'?); "
        "allowed here: memory_limit, threads, temp_directory"
    ),
    "sources:\n  orders:\n    path: o.csv": (
        "3: unknown key 'sources.orders.path' (did you mean 'paths'?); allowed here: paths, drift"
    ),
    "engine: spork": "1: engine must be one of duckdb, spark; it is 'spork' (did you mean 'spark'?)",
    "purchase_source: all": "1: purchase_source must be one of auto, clicks, orders; it is 'all'",
    "currency: usd": "1: currency: 'usd' is not a currency code of three capital letters, such as USD",
    "currency: 5": "1: currency: 5 is not a currency code of three capital letters, such as USD",
    "reporting_timezone: europe/berln": (
        "1: reporting_timezone: 'europe/berln' is not a time zone (did you mean 'Europe/Berlin'?); "
        "allowed: names such as Europe/Berlin"
    ),
    "reporting_timezone: ../xyzzy": (
        "1: reporting_timezone: '../xyzzy' is not a time zone; allowed: names such as Europe/Berlin"
    ),
    "currency: USDT": "1: currency: 'USDT' is not a currency code of three capital letters, such as USD",
    "lake: ''": "1: lake must be text (length 1 or more); it is ''",
    "lake:": "1: lake must be text (length 1 or more); it is null",
    "sources:\n  Orders: {drift: fail}": (
        "2: sources.Orders: 'Orders' is not a source name; allowed: a-z, 0-9 and _, a letter first"
    ),
    "sources:\n  a:\n    paths:\n    - x\n    - 5": ("5: sources.a.paths.1 must be text (length 1 or more); it is 5"),
    "sources:\n  a:\n    drift: fial": (
        "3: sources.a.drift must be one of evolve, capture, fail, or null; it is 'fial' (did you mean 'fail'?)"
    ),
    "sources:\n  a:\n  b-c:": ("3: sources.b-c: 'b-c' is not a source name; allowed: a-z, 0-9 and _, a letter first"),
    "sources: [a.csv]": "1: sources must be a mapping of keys to values; it is a list",
    "rules:\n  max_amount: 0": "2: rules.max_amount must be a number (above 0), or null; it is 0",
    "rules:\n  max_amount: .inf": "2: rules.max_amount must be a number (above 0), or null; it is '.inf'",
    "rules:\n  earliest_event: 20200101": (
        "2: rules.earliest_event must be a date such as 2026-01-31, or null; it is 20200101"
    ),
    "rules:\n  latest_event: 2026-01-31T00:00:00": (
        "2: rules.latest_event must be a date such as 2026-01-31, or null; it is '2026-01-31T00:00:00'"
    ),
    "rules:\n  latest_event: 2026-02-30": (
        "2: rules.latest_event must be a date such as 2026-01-31, or null; it is '2026-02-30'"
    ),
    "rules:\n  earliest_event: 2026-01-02\n  latest_event: 2026-01-01": (
        "1: rules: earliest_event (2026-01-02) must not be after latest_event (2026-01-01)"
    ),
    "segments:\n  low: 1": "2: segments.low must be a whole number (from 2); it is 1",
    "engine: spark\nsegments:\n  high: 5": ("2: segments: high (5) must be above medium (5), and medium above low (2)"),
    "segments:\n  medium: 2": "1: segments: high (20) must be above medium (2), and medium above low (2)",
    "quality:\n  warn_under: 101": "2: quality.warn_under must be a number (from 0 up to 100); it is 101",
    "quality:\n  fail_under: nan": ("2: quality.fail_under must be a number (from 0 up to 100), or null; it is 'nan'"),
    "quality:\n  sources:\n    a:\n      fail_under: -1": (
        "4: quality.sources.a.fail_under must be a number (from 0 up to 100), or null; it is -1"
    ),
    "duckdb:\n  memory_limit: lots": f"2: duckdb.memory_limit: 'lots' is not {A_SIZE}",
    "duckdb:\n  memory_limit: 1GB/s": f"2: duckdb.memory_limit: '1GB/s' is not {A_SIZE}",
    "duckdb:\n  memory_limit: 1024": f"2: duckdb.memory_limit: 1024 is not {A_SIZE}",
    "duckdb:\n  memory_limit: 0GB": f"2: duckdb.memory_limit: '0GB' is not {A_SIZE}",
    "duckdb:\n  threads: 0": f"2: duckdb.threads must be {THREADS}; it is 0",
    "duckdb:\n  threads: 1025": f"2: duckdb.threads must be {THREADS}; it is 1025",
    "duckdb:\n  threads: true": f"2: duckdb.threads must be {THREADS}; it is true",
    "duckdb: 5": "1: duckdb must be a mapping of keys to values; it is 5",
    "storage:\n  compression: gzip": "2: storage.compression must be one of zstd, snappy; it is 'gzip'",
    "storage:\n  compression_level: 23": (
        "2: storage.compression_level must be a whole number (from 1 up to 22); it is 23"
    ),
    "storage:\n  checkpoint_interval: 0": ("2: storage.checkpoint_interval must be a whole number (from 1); it is 0"),
    "storage:\n  log_retention_days: 1.5": ("2: storage.log_retention_days must be a whole number (from 1); it is 1.5"),
    "storage:\n  file_retention_days: 0": ("2: storage.file_retention_days must be a whole number (from 1); it is 0"),
    "logs:\n  level: inf": (
        "2: logs.level must be one of debug, info, warning, error; it is 'inf' (did you mean 'info'?)"
    ),
    "logs:\n  directory: [a]": "2: logs.directory must be text (length 1 or more), or null; it is a list",
    "engine: spark\nlake: x\nengine: duckdb": "3: the key 'engine' stands twice; first on line 1",
    "profiles: {a: 5}": "1: profiles.a must be a mapping of keys to values, or null; it is 5",
    "engine: spark\nprofile: [a]": "2: profile must be text, or null; it is a list",
}


def key_named_by(message):
    return re.search(r"key '([^']+)'", message)[1] if " key '" in message else message.split()[0].rstrip(":")


@pytest.mark.parametrize("text", WRONG_IN_FILE)
def test_a_wrong_value_in_the_file(refused, tmp_path, text):
    error, lines = refused(text)
    assert lines == [f"clicklake.yaml:{WRONG_IN_FILE[text]}"]
    line, _, message = WRONG_IN_FILE[text].partition(": ")
    assert (error.file, error.line) == (str(tmp_path / "clicklake.yaml"), int(line))
    assert error.key == key_named_by(message)


@pytest.mark.parametrize("text", ["lake: !!python/object/apply:os.getcwd []", "lake: [a\nb: c", "- lake"])
def test_a_file_that_is_not_strict_yaml(refused, text):
    error, lines = refused(text)
    assert lines[0].startswith("clicklake.yaml:1: ")
    assert error.line == 1


def test_a_wrong_value_in_a_profile_has_its_line_there(refused):
    error, lines = refused("engine: spark\nprofiles:\n  a:\n    engine: x\n", profile="a")
    assert lines == ["clicklake.yaml:4: engine must be one of duckdb, spark; it is 'x'"]
    assert (error.line, error.key) == (4, "engine")


WRONG_VARIABLES = {
    "ENGINE=spork": "engine must be one of duckdb, spark; it is 'spork' (did you mean 'spark'?)",
    "DUCKDB__THREADS=many": f"duckdb.threads must be {THREADS}; it is 'many'",
    "SEGMENTS__HIGH=3": "segments: high (3) must be above medium (5), and medium above low (2)",
    "SEGMENTS=20": "segments must be a mapping of keys to values; it is '20'",
    'SEGMENTS={"hihg": 20}': ("unknown key 'segments.hihg' (did you mean 'high'?); allowed here: high, medium, low"),
    "LAEK=x": "there is no such setting (did you mean 'CLICKLAKE_LAKE'?)",
    "lake=x": "there is no such setting (did you mean 'CLICKLAKE_LAKE'?)",
    "PROFIL=x": "there is no such setting (did you mean 'CLICKLAKE_PROFILE'?)",
    "DUCKDB_THREADS=4": "there is no such setting (did you mean 'CLICKLAKE_DUCKDB__THREADS'?)",
    "SOURCES__WEB__PATH=x": "there is no such setting (did you mean 'CLICKLAKE_SOURCES__WEB__PATHS'?)",
}


@pytest.mark.parametrize("variable", WRONG_VARIABLES)
def test_a_wrong_variable_is_named(refused, variable):
    name, _, value = variable.partition("=")
    message = WRONG_VARIABLES[variable]
    error, lines = refused("engine: duckdb\nduckdb: {threads: 2}\nsegments: {low: 2}\n", **{f"CLICKLAKE_{name}": value})
    assert lines == [f"CLICKLAKE_{name}: {message}"]
    assert (error.file, error.line) == (None, None)
    unknown = name.lower().replace("__", ".")
    assert error.key == (unknown if message.startswith("there") else key_named_by(message))


@pytest.mark.parametrize("variable", ["SEGMENTS={", "SOURCES__A__PATHS=[a.csv]"])
def test_a_variable_that_is_not_json(refused, variable):
    name, _, value = variable.partition("=")
    error, lines = refused(**{f"CLICKLAKE_{name}": value})
    assert error.key == name.lower().replace("__", ".")
    assert lines[0].startswith(f"CLICKLAKE_{name}: {error.key} is not valid JSON: ")


def test_an_unknown_variable_like_none_lists_all(refused):
    _, lines = refused(CLICKLAKE_XYZ="x")
    assert lines[0].startswith("CLICKLAKE_XYZ: there is no such setting; allowed: CLICKLAKE_CONFIG, ")
    for key in REFERENCE:
        assert f", CLICKLAKE_{key.upper().replace('.', '__').replace('*', 'NAME')}" in lines[0]


WRONG_FLAGS = {
    "--engine": (
        "engine",
        "spork",
        "engine must be one of duckdb, spark; it is 'spork' (did you mean 'spark'?)",
    ),
    "--log-level": ("logs.level", "x", "logs.level must be one of debug, info, warning, error; it is 'x'"),
    "--duckdb-threads": ("duckdb.threads", 0, f"duckdb.threads must be {THREADS}; it is 0"),
    "--engin": ("engin", "x", f"unknown key 'engin' (did you mean 'engine'?); allowed here: {TOP_KEYS}"),
    "a=PATH": ("sources.a.paths", [5], "sources.a.paths.0 must be text (length 1 or more); it is 5"),
}


@pytest.mark.parametrize("flag", WRONG_FLAGS)
def test_a_wrong_flag_is_named(refused, flag):
    key, value, message = WRONG_FLAGS[flag]
    error, lines = refused("engine: duckdb\n", overrides={key: value})
    assert lines == [f"{flag}: {message}"]
    assert (error.file, error.line, error.key) == (None, None, key_named_by(message))


def test_all_problems_of_all_layers_are_listed(refused):
    _, lines = refused(
        "duckdb:\n  threads: 0\nstorage: {x: 1}\n", CLICKLAKE_ENGINE="spork", overrides={"currency": "usd"}
    )
    assert [line.split(" ")[0] for line in lines] == [
        "CLICKLAKE_ENGINE:",
        "--currency:",
        "clicklake.yaml:2:",
        "clicklake.yaml:3:",
    ]


def test_a_section_that_is_a_plain_value_is_not_hidden_by_a_variable(refused):
    _, lines = refused("duckdb: 5\n", CLICKLAKE_DUCKDB__THREADS="4")
    assert lines == ["clicklake.yaml:1: duckdb must be a mapping of keys to values; it is 5"]
    _, lines = refused("duckdb: {threads: 1}\nprofiles: {a: {duckdb: 5}}\n", profile="a")
    assert lines == ["clicklake.yaml:2: duckdb must be a mapping of keys to values; it is 5"]


# The file and its paths


def test_the_file_is_found_in_the_nearest_folder_above(load, tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    loaded = load("lake: data/lake", start=inner)
    assert (loaded.file, loaded.project) == (tmp_path / "clicklake.yaml", tmp_path)
    assert loaded.settings.lake == str(tmp_path / "data" / "lake")
    (tmp_path / "a" / "clicklake.yaml").write_text("currency: EUR")
    assert load(start=inner).settings.lake == str(tmp_path / "a" / "lake")


def test_the_current_folder_and_environment_are_used_by_default(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("CLICKLAKE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    monkeypatch.setenv("CLICKLAKE_CURRENCY", "EUR")
    (tmp_path / "clicklake.yaml").write_text("engine: spark")
    loaded = load_settings()
    assert (loaded.settings.engine, loaded.settings.currency) == ("spark", "EUR")
    assert Path(loaded.settings.lake).is_absolute()
    assert Path(loaded.settings.lake).parent.samefile(tmp_path)


def test_the_file_can_be_named(load, tmp_path):
    load("currency: EUR")
    (tmp_path / "conf").mkdir()
    other = tmp_path / "conf" / "other.yaml"
    other.write_text("engine: spark\nlake: ../lake")
    for given in (
        {"config": other},
        {"config": Path("conf/other.yaml")},
        {"CLICKLAKE_CONFIG": "conf/other.yaml"},
    ):
        loaded = load(**given)
        assert (loaded.file, loaded.project) == (other, other.parent)
        assert (loaded.settings.currency, loaded.settings.lake) == ("USD", str(tmp_path / "lake"))
        assert loaded.origin["engine"] == "other.yaml:1"
    assert load(config=other, CLICKLAKE_CONFIG="nosuch.yaml").file == other


@pytest.mark.parametrize(
    ("given", "by"),
    [({"config": Path("no.yaml")}, "--config"), ({"CLICKLAKE_CONFIG": "no.yaml"}, "CLICKLAKE_CONFIG")],
)
def test_a_named_file_that_is_missing(refused, tmp_path, given, by):
    error, lines = refused("currency: EUR", **given)
    assert lines == [f"no.yaml: there is no such file; {by} names it"]
    assert error.file == str(tmp_path / "no.yaml")


def test_relative_paths_start_where_they_were_written(load, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    text = (
        "lake: lake\nsources: {a: {paths: [d/*.csv, /abs/x.csv, 's3://b/c', ~/h.csv]}}\nduckdb: {temp_directory: t}\n"
    )
    file = load(text, start=inner).settings
    assert file.lake == str(tmp_path / "lake")
    assert file.sources["a"].paths == [
        str(tmp_path / "d/*.csv"),
        "/abs/x.csv",
        "s3://b/c",
        os.path.expanduser("~/h.csv"),
    ]
    assert file.duckdb.temp_directory == str(tmp_path / "t")
    variables = load(start=inner, CLICKLAKE_LAKE="lake", CLICKLAKE_LOGS__DIRECTORY="l").settings
    assert (variables.lake, variables.logs.directory) == (str(inner / "lake"), str(inner / "l"))
    flags = load(start=inner, overrides={"lake": Path("lake"), "sources.a.paths": (Path("x.csv"), "gs://b/c")})
    assert (flags.settings.lake, flags.origin["lake"]) == (str(inner / "lake"), "--lake")
    assert (flags.settings.sources["a"].paths, flags.origin["sources.a.paths"]) == (
        [str(inner / "x.csv"), "gs://b/c"],
        "a=PATH",
    )


def test_path_keys_are_settings():
    assert set(PATH_KEYS) <= set(REFERENCE)


# Variables in the file


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("s3://${BUCKET}/lake", "s3://b/lake"),
        ("s3://${BUCKET}/${NOSUCH:-x}", "s3://b/x"),
        ("s3://${EMPTY:-x}/y", "s3://x/y"),
        ("s3://a${EMPTY}/y", "s3://a/y"),
        ("s3://a${NOSUCH:-}/y", "s3://a/y"),
        ("s3://$${BUCKET}/$BUCKET", "s3://${BUCKET}/$BUCKET"),
    ],
)
def test_variables_in_the_file_are_replaced(load, written, value):
    loaded = load(f"lake: {written}\nsources: {{a: {{paths: ['{written}']}}}}", BUCKET="b", EMPTY="")
    assert loaded.settings.lake == value
    assert loaded.settings.sources["a"].paths == [value]
    assert loaded.origin["lake"] == "clicklake.yaml:1"


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        (
            "engine: duckdb\nlake: ${NOSUCH}",
            2,
            "lake",
            "lake: the variable NOSUCH is not set; set it or write ${NOSUCH:-default}",
        ),
        (
            "sources:\n  a:\n    paths:\n    - ok\n    - ${NOSUCH}",
            5,
            "sources.a.paths.1",
            "sources.a.paths.1: the variable NOSUCH is not set; set it or write ${NOSUCH:-default}",
        ),
        ("lake: ${open", 1, "lake", "lake: write ${NAME}, ${NAME:-default}, or $${ for the sign itself"),
        (
            "lake: ${not a name}",
            1,
            "lake",
            "lake: write ${NAME}, ${NAME:-default}, or $${ for the sign itself",
        ),
    ],
)
def test_a_variable_that_can_not_be_replaced(refused, text, line, key, message):
    error, lines = refused(text)
    assert lines == [f"clicklake.yaml:{line}: {message}"]
    assert (error.line, error.key) == (line, key)


def test_variables_of_other_profiles_are_not_needed(load):
    assert (
        load("profile: dev\nprofiles:\n  dev: {engine: spark}\n  prod: {lake: '${NOSUCH}'}").settings.engine == "spark"
    )


# Secrets


def test_secrets_are_not_shown(load):
    loaded = load(
        "lake: https://user:pa/s@s@host/lake?X-Amz-Signature=abc&x=1\n"
        "sources: {a: {paths: ['ftp://token@h/x', 'abfss://container@account/x', plain.csv]}, "
        "b: {paths: '${DATA}/b'}}\n"
        "duckdb: {temp_directory: '${TMP_DIR}', threads: '${THREADS}'}\n",
        THREADS="3",
        DATA="s3://hidden",
        TMP_DIR="/hidden",
        CLICKLAKE_LOGS__DIRECTORY="/hidden",
        CLICKLAKE_ENGINE="spark",
    )
    shown = loaded.shown()
    assert shown["lake"] == "https://***@host/lake?X-Amz-Signature=***&x=1"
    assert shown["sources"]["a"]["paths"][:2] == ["ftp://***@h/x", "abfss://container@account/x"]
    assert shown["sources"]["b"]["paths"] == "${DATA}/b"
    assert shown["duckdb"]["temp_directory"] == "${TMP_DIR}"
    assert shown["logs"]["directory"] == "***"
    assert shown["duckdb"]["threads"] == 3
    assert shown["engine"] == "spark"
    for text in (repr(loaded), str(shown)):
        assert not re.search(r"hidden|pa/s|abc|token@", text)


def test_secrets_are_not_in_errors(refused):
    _, lines = refused("engine: postgres://me:secret@host/db")
    assert lines == ["clicklake.yaml:1: engine must be one of duckdb, spark; it is 'postgres://***@host/db'"]


def test_shown_is_plain_and_in_the_order_of_the_settings(load):
    shown = load("rules: {max_amount: 10.5, earliest_event: 2020-01-01}").shown()
    assert list(shown) == list(Settings.model_fields)
    assert shown["rules"] == {"max_amount": "10.5", "earliest_event": "2020-01-01", "latest_event": None}


# What the documentation and `clicklake init` use


def test_the_reference_describes_every_setting():
    assert set(REFERENCE) == set(OTHER_VALUES)
    for setting in REFERENCE.values():
        assert setting.type
        assert setting.description.endswith(".")
    assert REFERENCE["duckdb.threads"][1:3] == ("a whole number (from 1 up to 1024), or null", "null")
    assert REFERENCE["engine"][1:3] == ("one of duckdb, spark", "duckdb")
    assert REFERENCE["sources.*.paths"][1:3] == ("a list of text (length 1 or more)", "[]")


def test_thresholds_of_a_source(load):
    quality = load("quality: {fail_under: 80, sources: {a: {warn_under: 70}, b: {fail_under: 0}}}").settings.quality
    assert [quality.for_source(name) for name in "abc"] == [(70, 80), (95, 0), (95, 80)]


def test_thresholds_of_dimensions_and_tables(load):
    quality = load(
        "quality: {warn_under: 90, fail_under: 80, dimensions: {accuracy: {warn_under: 99, fail_under: 98}}, "
        "tables: {orders: {fail_under: 0}, events: {warn_under: 50}}}"
    ).settings.quality
    found = [quality.for_measure(f"silver.{table}", "accuracy") for table in ("orders", "events", "payments")]
    assert found == [(99, 0), (50, 98), (99, 98)]
    assert quality.for_measure("silver.orders", "validity") == (90, 0)
    assert quality.for_measure("silver.payments", "validity") == (90, None), "a source's bound is on its own score"
    assert quality.for_measure("bronze.orders", "validity") == (None, None)
    assert quality.for_measure("bronze.orders", "accuracy") == (99, 98)


@pytest.mark.parametrize("profile", [None, "dev", "test", "prod"])
def test_the_template_loads(load, tmp_path, profile):
    loaded = load(TEMPLATE, profile=profile)
    assert isinstance(loaded, LoadedSettings)
    assert loaded.profile == (profile or "dev")
    lakes = {"dev": "lake", "test": "lake-test", "prod": "lake-prod"}
    assert loaded.settings.lake == str(tmp_path / lakes[loaded.profile])


def test_the_template_shows_every_setting_at_its_default_or_as_an_example(load):
    text = re.sub(r"^( *)#(?=[a-z])", r"\1", TEMPLATE, flags=re.MULTILINE)
    loaded = load(text, profile="dev")
    written = {
        re.sub(
            r"(sources|dimensions|tables|owners|topics|options|conf|roles)\.[\w.]+?(?=$|\.(?:paths|drift|warn_under|fail_under|reads|hides|plain|may))",
            r"\1.*",
            key,
        )
        for key, origin in loaded.origin.items()
        if origin != "default"
    }
    others = {"quality.sources.*.warn_under", "access.tokens.secret", "access.tokens.jwks"}
    assert written | others == set(REFERENCE)
    examples = {
        "sources.*.paths",
        "sources.*.drift",
        "quality.fail_under",
        "duckdb.threads",
        "duckdb.temp_directory",
        "alerts.urls",
        "openlineage.url",
        "openlineage.file",
        "currency_rates",
        "holidays",
        "spark.memory",
        "spark.conf.*",
        "kafka.brokers",
        *("api.host_names", "api.origins", "api.proxies"),
        "access.secret",
        "access.keys_file",
        "access.tokens.algorithms",
        "access.tokens.public_key",
        "access.tokens.issuer",
        "access.tokens.audience",
        *(f"dashboard.login.{key}" for key in ("metadata_url", "client_id", "client_secret", "cookie_secret", "url")),
        "kafka.group",
        "kafka.event_time",
    }
    for key in set(written) - examples - {"lake", "logs.directory"}:
        if "*" not in key and not key.startswith(("rules.", "object_store.")):
            assert value_at(loaded.settings, key) == value_at(Settings(), key)


def test_options_of_kafka_are_secrets(load):
    text = "kafka: {options: {sasl.password: '${PASSWORD}', session.timeout.ms: 6000}}"
    loaded = load(text, PASSWORD="TOKEN")
    options = loaded.settings.kafka.options
    assert options["sasl.password"].get_secret_value() == "TOKEN"
    assert options["session.timeout.ms"].get_secret_value() == "6000"
    assert "TOKEN" not in repr(loaded) + repr(options) + json.dumps(loaded.shown())


def test_keys_of_the_object_store_are_secrets(load, refused):
    loaded = load("object_store: {access_key_id: AKIA, secret_access_key: '${KEY}'}", KEY="hidden-key")
    assert loaded.settings.object_store.secret_access_key.get_secret_value() == "hidden-key"
    assert "hidden-key" not in f"{loaded} {loaded.settings} {loaded.shown()}"
    assert "hidden-key" not in str(refused("object_store: {secret_access_key: ['hidden-key']}")[1])


def test_urls_of_alerts_are_secrets(load, refused):
    """They are shown nowhere: not as settings, not in what Python prints, not in messages."""
    text = "alerts: {urls: ['slack://TOKEN/x', '${HOOK}']}"
    loaded = load(text, HOOK="json://user:TOKEN@host")
    assert [url.get_secret_value() for url in loaded.settings.alerts.urls] == [
        "slack://TOKEN/x",
        "json://user:TOKEN@host",
    ]
    shown = (loaded.shown(), loaded, loaded.settings, loaded.settings.alerts)
    assert "TOKEN" not in "".join(map(repr, shown)) + json.dumps(loaded.shown())
    assert load("alerts: {urls: 'json://x'}").settings.alerts.urls[0].get_secret_value() == "json://x"
    for wrong in ("urls: [{slack: slack://TOKEN}]", "urls: {slack: slack://TOKEN}", "urls: [[slack://TOKEN]]"):
        _, lines = refused(f"alerts: {{{wrong}}}")
        assert "TOKEN" not in "".join(lines), wrong
