from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clicklake.storage.objects import filesystem
from clicklake.storage.places import Prefix

ROOT = Path(__file__).parents[2]
KEY, SECRET = "s3-test-key", "s3-test-secret"
"""Looked for in everything that is printed and written: the secret must not be there."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("s3")


@dataclass(frozen=True)
class Gateway:
    """A server whose buckets are folders.

    Args:
        endpoint: Its address.
        folder: Where its buckets lie.
        log: A line for each request.
    """

    endpoint: str
    folder: Path
    log: Path

    @property
    def variables(self) -> dict[str, str]:
        """What a person sets to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    @property
    def options(self) -> dict[str, str]:
        return {**self.variables, "AWS_ALLOW_HTTP": "true"}

    def requests(self) -> list[str]:
        """All requests so far: what was asked, and of which key."""
        lines = self.log.read_text().splitlines()
        return [" ".join(line.split(" s3_", 1)[1].split()[:2]) for line in lines if " s3_" in line]


def _binary() -> str | None:
    own = ROOT / ".tools" / "versitygw"
    return os.environ.get("VERSITYGW") or (str(own) if own.is_file() else shutil.which("versitygw"))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server that is started for the tests and stopped after them."""
    binary = _binary()
    if binary is None:
        pytest.skip("there is no versitygw: `make test-s3` installs it where there is go")
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "buckets").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    log = folder / "access.log"
    with open(folder / "gateway.out", "wb") as out:
        process = subprocess.Popen(
            [binary, "--port", address, "--access-log", str(log), "posix", str(folder / "buckets")],
            env={**os.environ, "ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET},
            stdout=out,
            stderr=out,
        )
    try:
        _wait_for(f"http://{address}", process)
        yield Gateway(f"http://{address}", folder / "buckets", log)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("versitygw does not answer")


@pytest.fixture
def bucket(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new bucket; the environment says how it is reached."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in gateway.variables.items():
        monkeypatch.setenv(name, value)
    return f"s3://{new_bucket(gateway)}"


def new_bucket(gateway: Gateway) -> str:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    from pyarrow.fs import S3FileSystem

    S3FileSystem(
        access_key=KEY,
        secret_key=SECRET,
        endpoint_override=gateway.endpoint.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    ).create_dir(name)
    return name


@pytest.fixture
def put(gateway: Gateway) -> Callable[[str, bytes], str]:
    """Writes an object; gives its URL."""

    def write(url: str, content: bytes) -> str:
        folder, _, name = url.rpartition("/")
        target = Prefix(folder, gateway.options).key(name)
        with filesystem(gateway.options).open_output_stream(target, compression=None) as stream:
            stream.write(content)
        return url

    return write


@pytest.fixture
def prefix(gateway: Gateway, bucket: str) -> Prefix:
    return Prefix(f"{bucket}/deep/lake", gateway.options)
