"""API keys: shown once, kept as keyed hashes, gone at once when they are revoked."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from clicklake.access import Access, Principal
from clicklake.access.keys import Keys
from clicklake.cli.access_commands import complete_key, complete_role
from clicklake.cli.main import app
from clicklake.errors import StorageError, UnauthorizedError, UnknownNameError, UsageError
from clicklake.lake import Lake

SECRET = "s" * 32


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json", SECRET)


def test_a_key_tells_who_shows_it(keys: Keys) -> None:
    key, kept = keys.add("anna", "analyst")
    assert keys.principal(key) == Principal("anna", "analyst", "key")
    assert kept.id in key


def test_what_is_kept_of_a_key_is_no_key(keys: Keys) -> None:
    key, kept = keys.add("anna", "analyst")
    text = keys.file.read_text(encoding="utf-8")
    assert key not in text
    assert key.rpartition("_")[2] not in text
    assert SECRET not in text
    assert kept.digest in text
    assert stat.S_IMODE(os.stat(keys.file).st_mode) == 0o600


def test_two_keys_of_a_name_are_different_and_both_hold(keys: Keys) -> None:
    first, second = keys.add("anna", "analyst")[0], keys.add("anna", "reader")[0]
    assert first != second
    assert (keys.principal(first).role, keys.principal(second).role) == ("analyst", "reader")


@pytest.mark.parametrize(
    "change", [lambda k: k[:-1] + ("A" if k[-1] != "A" else "B"), lambda k: k[:-1], lambda k: k + "A"]
)
def test_a_key_that_is_a_little_different_is_not_known(keys: Keys, change) -> None:
    key, _ = keys.add("anna", "analyst")
    with pytest.raises(UnauthorizedError, match="is not known"):
        keys.principal(change(key))


@pytest.mark.parametrize("wrong", ["", "cl_", "cl_000000000000_" + "A" * 43, "x" * 100_000, "cl_é", "null", "cl_..._"])
def test_what_is_no_key_is_not_known(keys: Keys, wrong: str) -> None:
    keys.add("anna", "analyst")
    with pytest.raises(UnauthorizedError, match="is not known"):
        keys.principal(wrong)


def test_a_hash_is_no_key(keys: Keys) -> None:
    _, kept = keys.add("anna", "analyst")
    for shown in (kept.digest, f"cl_{kept.id}_{kept.digest}", f"cl_{kept.id}_{kept.digest[:43]}"):
        with pytest.raises(UnauthorizedError):
            keys.principal(shown)


def test_with_another_secret_or_none_no_key_holds(keys: Keys) -> None:
    key, _ = keys.add("anna", "analyst")
    for secret in ("t" * 32, None):
        with pytest.raises(UnauthorizedError):
            Keys(keys.file, secret).principal(key)
    with pytest.raises(UsageError, match="CLICKLAKE_ACCESS__SECRET"):
        Keys(keys.file, None).add("berta", "analyst")


def test_a_revoked_key_does_not_hold_any_more_in_another_process_either(keys: Keys) -> None:
    first, _ = keys.add("anna", "analyst")
    second, kept = keys.add("anna", "analyst")
    other = Keys(keys.file, SECRET)
    assert keys.principal(first) == other.principal(second)
    assert [key.id for key in other.revoke(kept.id)] == [kept.id]
    with pytest.raises(UnauthorizedError):
        keys.principal(second)
    assert keys.principal(first).name == "anna"
    assert len(keys.revoke("anna")) == 1
    with pytest.raises(UnauthorizedError):
        other.principal(first)
    assert keys.revoke("anna") == []
    with pytest.raises(UnknownNameError):
        keys.revoke("berta")


def test_a_key_expires(keys: Keys) -> None:
    key, kept = keys.add("anna", "analyst", "1h")
    assert keys.principal(key)
    assert kept.state(datetime.now(timezone.utc) + timedelta(minutes=59)) == "active"
    assert kept.state(datetime.now(timezone.utc) + timedelta(minutes=61)) == "expired"
    text = keys.file.read_text(encoding="utf-8")
    assert kept.expires_at
    keys.file.write_text(text.replace(kept.expires_at, "2020-01-01T00:00:00+00:00"), encoding="utf-8")
    with pytest.raises(UnauthorizedError):
        keys.principal(key)
    _, until = keys.add("berta", "analyst", "2999-12-31")
    assert until.expires_at == "3000-01-01T00:00:00+00:00"


@pytest.mark.parametrize("expires", ["2020-01-01", "0d", "soon", "-1d", "2025-13-01", "99999999999999d"])
def test_a_time_that_is_over_or_none_is_refused(keys: Keys, expires: str) -> None:
    with pytest.raises(UsageError, match="--expires"):
        keys.add("anna", "analyst", expires)
    assert not keys.file.exists()


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\nb", "../x"])
def test_a_name_is_letters_and_digits(keys: Keys, name: str) -> None:
    with pytest.raises(UsageError, match="a name has"):
        keys.add(name, "analyst")


def test_keys_that_are_made_at_the_same_time_are_all_kept(keys: Keys) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: Keys(keys.file, SECRET).add(f"user{n}", "reader")[0], range(24)))
    assert {keys.principal(key).name for key in made} == {f"user{n}" for n in range(24)}


def test_a_file_that_is_broken_lets_nobody_in(keys: Keys) -> None:
    key, _ = keys.add("anna", "analyst")
    keys.file.write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match="can't be read"):
        keys.principal(key)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKLAKE_ACCESS__SECRET", SECRET)
    runner = CliRunner()

    def run(*arguments: str) -> str:
        result = runner.invoke(app, ["--json", "keys", *arguments], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    made = json.loads(run("add", "anna", "--role", "analyst", "--expires", "30d"))
    access = Access(Lake("lake"))
    assert access.authenticate({"X-API-Key": made["key"]}).name == "anna"
    (listed,) = json.loads(run("list"))
    assert (listed["name"], listed["role"], listed["state"]) == ("anna", "analyst", "active")
    assert made["key"] not in json.dumps(listed)
    assert json.loads(run("revoke", "anna")) == [{"id": made["id"], "name": "anna"}]
    with pytest.raises(UnauthorizedError):
        access.authenticate({b"x-api-key": made["key"].encode()})
    with pytest.raises(UnknownNameError, match="analyst"):
        runner.invoke(app, ["keys", "add", "anna", "--role", "analist"], catch_exceptions=False)


def test_roles_and_keys_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKLAKE_ACCESS__SECRET", SECRET)
    Path("clicklake.yaml").write_text("access: {roles: {auditor: {reads: ops}}}", encoding="utf-8")
    _, kept = Keys.of(Lake()).add("anna", "auditor")
    ctx = typer.Context(typer.main.get_command(app))
    assert complete_role(ctx, "a") == ["analyst", "admin", "auditor"]
    assert complete_key(ctx, "an") == ["anna"]
    assert complete_key(ctx, kept.id[:11]) == [kept.id]


def test_who_asks_is_told_by_one_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKLAKE_ACCESS__SECRET", SECRET)
    access = Access(Lake("lake"))
    assert access.is_configured
    key, _ = access.keys.add("anna", "analyst")
    for headers in ({"Authorization": f"Bearer {key}"}, {"authorization": f"bearer  {key} "}, {"x-api-key": key}):
        assert access.authenticate(headers) == Principal("anna", "analyst", "key")
    for headers in (
        {},
        {"Authorization": key},
        {"Authorization": f"Basic {key}"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {key}", "X-API-Key": key},
        {"Cookie": f"key={key}"},
        {"Authorization": "Bearer a.b.c"},
    ):
        with pytest.raises(UnauthorizedError):
            access.authenticate(headers)


def test_without_a_secret_or_tokens_nothing_is_configured() -> None:
    assert not Access(Lake("lake")).is_configured


def test_codes_of_identifiers_are_the_same_after_a_restart_where_there_is_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLICKLAKE_ACCESS__SECRET", SECRET)
    anna = Principal("anna", "analyst")
    one, other = (Access(Lake("lake")).grants(anna).projection("gold.dim_users") for _ in range(2))
    assert one == other
    assert SECRET not in one
