"""Object stores that speak S3: which options reach one, and what its errors say in words.

Options are plain texts under the names that delta-rs and AWS's own tools have (`AWS_REGION`, ...), so that they can
be handed to another process. Two libraries use them: delta-rs for the logs, Arrow for everything else. Where there
are no keys among them, both look for some themselves: profile, web identity, role of the machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from clicklake.errors import UsageError

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

SCHEMES = ("s3", "s3a")
"""Of URLs that lead to an object store."""

CONNECT_SECONDS = 3
ANSWER_SECONDS = 60
TRIES = 4
RETRY_SECONDS = 15
"""Limits of one request: whoever waits for a store that isn't there is told within seconds."""

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_DELTA_LIMITS = {
    "connect_timeout": f"{CONNECT_SECONDS}s",
    "timeout": f"{ANSWER_SECONDS}s",
    "max_retries": str(TRIES),
    "retry_timeout": f"{RETRY_SECONDS}s",
}
_ADDRESS = re.compile(r"https?://[^\s/@]+/?")
_XML = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")
_SDK = re.compile(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))? during \w+ operation: (.*)", re.DOTALL)
_UNPARSED = re.compile(r"ExceptionName: (\S+) Message: (.*)", re.DOTALL)
_REFUSED = re.compile("denied|forbidden|signature|token|access_?key|user_?not_?found|credential", re.IGNORECASE)


def is_url(path: str) -> bool:
    """Whether a path leads to an object store, and not to a file of this machine."""
    return "://" in path


def split_url(url: str) -> tuple[str, str]:
    """Bucket and key of a URL; the key has no slash at its ends.

    Raises:
        UsageError: It is no `s3://bucket/key`.
    """
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme.lower() not in SCHEMES or not bucket or "@" in bucket:
        what = "has keys in it; they belong into the settings" if "@" in bucket else "is no s3://bucket/prefix"
        raise UsageError(f"{scheme}://{bucket.rpartition('@')[2]}/...: {what}. Object stores are reached by S3 alone")
    return bucket, key.strip("/")


def store_options(
    environ: Mapping[str, str],
    *,
    endpoint: str | None = None,
    region: str | None = None,
    keys: tuple[str | None, str | None, str | None] = (None, None, None),
) -> dict[str, str]:
    """How a store is reached, by the settings and, where they are silent, by the usual variables.

    Args:
        environ: The environment.
        endpoint: The store's address; AWS's own where there is none in the environment either.
        region: Of the buckets.
        keys: Id, key and session token. They belong together: where the settings have any, the variables are not read.

    Raises:
        UsageError: Half of the keys is missing, or they would be mixed with others.
    """
    found: dict[str, str] = {}
    address = endpoint or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    if address:
        if not _ADDRESS.fullmatch(address):
            raise UsageError("AWS_ENDPOINT_URL: it must be an http:// or https:// URL without user and password")
        found["AWS_ENDPOINT_URL"] = address.rstrip("/")
        if address.startswith("http://"):
            if environ.get("AWS_ALLOW_HTTP", "true").lower() in ("false", "0", "no"):
                raise UsageError(f"the object store {address} has no TLS, and AWS_ALLOW_HTTP forbids that")
            found["AWS_ALLOW_HTTP"] = "true"
    where = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if where or address:
        found["AWS_REGION"] = where or "us-east-1"  # what stores that know no regions take
    given = keys if any(keys) else tuple(environ.get(name) or None for name in KEYS)
    if bool(given[0]) != bool(given[1]) or (given[2] and not given[0]):
        names = "object_store.access_key_id and secret_access_key" if any(keys) else " and ".join(KEYS[:2])
        raise UsageError(f"keys of the object store: {names} go together; set both or neither")
    if any(keys) and not given[2] and environ.get(KEYS[2]):
        raise UsageError(
            f"{KEYS[2]} is set, and object_store.access_key_id is another key: unset it, or set "
            "object_store.session_token"
        )
    return found | {name: value for name, value in zip(KEYS, given, strict=True) if value}


def delta_options(options: Mapping[str, str]) -> dict[str, str]:
    """What delta-rs is told; a commit is a conditional write (If-None-Match), so that no lock is needed."""
    # Without it delta-rs looks for a profile only where the store is AWS's own.
    found = {} if KEYS[0] in options else {"AWS_FORCE_CREDENTIAL_LOAD": "true"}
    return {**_DELTA_LIMITS, "AWS_CONDITIONAL_PUT": "etag", **found, **options}


def filesystem(options: Mapping[str, str]) -> S3FileSystem:
    """Arrow's view of a store; one for a process and its options, for it keeps the connections."""
    return _filesystem(tuple(sorted(options.items())))


@lru_cache(maxsize=16)
def _filesystem(options: tuple[tuple[str, str], ...]) -> S3FileSystem:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    given = dict(options)
    scheme, _, endpoint = given.get("AWS_ENDPOINT_URL", "").partition("://")
    access, secret, token = (given.get(name) for name in KEYS)
    return S3FileSystem(
        access_key=access,
        secret_key=secret,
        session_token=token,
        region=given.get("AWS_REGION"),
        scheme=scheme or "https",
        endpoint_override=endpoint.rstrip("/") or None,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=ANSWER_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=TRIES),
        allow_delayed_open=True,  # a small file is one request, not three
    )


def explain(error: Exception) -> str | None:
    """What a store's error says, in one line and without what it quotes of the request; None where it is no such one.

    A refused request is answered with the text that should have been signed, session token included.
    """
    text = str(error)
    if "169.254.169.254" in text or "IMDS" in text:
        return "no keys were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE) or a role"
    if found := _XML.search(text):
        code, message = found[1], found[2] or ""
    elif found := _SDK.search(text):
        code, message = found[1], found[3]
        if unparsed := _UNPARSED.search(message):
            code, message = unparsed[1], unparsed[2]
        elif code == "UNKNOWN" and found[2]:
            code = f"HTTP status {found[2]}"
    elif "Generic S3 error" in text or "Error performing" in text:
        return _unanswered(text)
    else:
        return None
    message = message.partition("(Request ID")[0].replace("No response body.", "").strip().rstrip(".")
    if code == "NETWORK_CONNECTION":
        return f"the object store can't be reached: {message.rpartition('Details: ')[2] or message}"
    said = f"{code}: {message}" if message else code
    if code.replace("_", "").lower() == "nosuchbucket":
        return f"there is no such bucket ({said}); make it first, or name another"
    if _REFUSED.search(code):
        return f"the object store refuses the keys or what they may do ({said})"
    return f"the object store answers {said}"


def _unanswered(text: str) -> str:
    """An error of delta-rs without an answer of the store: its innermost causes, or the HTTP status."""
    lines = plain_lines(text)
    if "error sending request" in text or "HTTP error" in text:
        return f"the object store can't be reached: {': '.join(dict.fromkeys(lines[-2:]))}"
    return f"the object store answers {lines[-1]}"


def plain_lines(text: str) -> list[str]:
    """The lines of an error of delta-rs, without its arrows and their colours."""
    lines = [re.sub(r"\x1b\[\d+m", "", line).strip(" \t↳") for line in text.splitlines()]
    return [line for line in lines if line]
