"""Viewers log in at a provider of OpenID Connect that runs here, and see what their role may."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from browser import chromium
from browser.dashboard import HEAD, Served, look, open_page
from clicklake.lake import Lake

pytest.importorskip("streamlit", reason="the dashboard needs streamlit: pip install 'clicklake[dashboard]'")
pytest.importorskip("authlib", reason="logins need Authlib: pip install 'clicklake[dashboard]'")


pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.find() is None, reason=f"there is no browser: none of {', '.join(chromium.NAMES)}"),
]
SETTINGS = """
lake: lake
access:
  roles:
    shopper: {{reads: [gold], hides: [gold.fact_sales]}}
  claims:
    name: email
    role: groups
    roles: {{lake-readers: reader, shoppers: shopper}}
dashboard:
  login:
    metadata_url: {provider}/.well-known/openid-configuration
    client_id: dashboard
    client_secret: a secret of the dashboard
    cookie_secret: {cookie}
    url: {url}
"""


class Provider:
    """A provider at which everybody is whom `claims` says."""

    def __init__(self) -> None:
        import uvicorn
        from joserfc.jwk import RSAKey
        from starlette.applications import Starlette
        from starlette.routing import Route

        self.claims: dict[str, object] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self._nonces: dict[str, str] = {}
        names = ("metadata", "authorize", "token", "keys")
        paths = ("/.well-known/openid-configuration", "/authorize", "/token", "/keys")
        routes = [
            Route(path, getattr(self, name), methods=["GET", "POST"]) for name, path in zip(names, paths, strict=True)
        ]
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)

    async def metadata(self, _):
        from starlette.responses import JSONResponse

        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def authorize(self, request):
        from starlette.responses import RedirectResponse

        asked = request.query_params
        code = f"code{len(self._nonces)}"
        self._nonces[code] = asked.get("nonce", "")
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request):
        from joserfc import jwt
        from starlette.responses import JSONResponse

        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        now = int(time.time())
        about = {"iss": self.url, "aud": "dashboard", "iat": now, "exp": now + 600, "nonce": self._nonces[form["code"]]}
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, {**about, **self.claims}, self.key)
        return JSONResponse({"access_token": "none", "token_type": "Bearer", "expires_in": 600, "id_token": signed})

    async def keys(self, _):
        from starlette.responses import JSONResponse

        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    started = Provider()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("login")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://localhost:{port}"
    (folder / "clicklake.yaml").write_text(SETTINGS.format(provider=provider.url, url=url, cookie="c" * 40))
    (folder / "clicks.csv").write_text(HEAD + "u1,s1,2025-01-01 10:00:00,product_view,p1,,\n")
    Lake(config=folder / "clicklake.yaml").run(click_events=folder / "clicks.csv")
    # Bound to every address, as it may be now.
    started = Served(str(folder / "lake"), "--config", str(folder / "clicklake.yaml"), host="0.0.0.0", port=port)
    started.url = url
    yield started
    started.stop()


@pytest.fixture()
def browser(tmp_path: Path) -> Iterator[chromium.Browser]:
    opened = chromium.Browser(tmp_path / "profile")
    look(opened, "wide")
    yield opened
    opened.close()


def button(label: str) -> str:
    return f"[...document.querySelectorAll('button')].find((e) => e.innerText.includes('{label}'))"


def log_in(browser: chromium.Browser, served: Served) -> None:
    open_page(browser, served.url)
    assert browser.value("document.querySelectorAll('.stMetric').length") == 0
    browser.wait(button("Log in"))
    browser.click(button("Log in"))


def test_who_has_not_logged_in_sees_nothing(served: Served, browser: chromium.Browser) -> None:
    for page in ("", "customers", "products?period=all"):
        open_page(browser, f"{served.url}/{page}")
        browser.wait(button("Log in"))
        shown = browser.value("document.body.innerText")
        assert "Log in to see this lake." in shown and "Release" not in shown


def test_a_role_of_the_login_sees_what_it_may(served: Served, provider: Provider, browser: chromium.Browser) -> None:
    provider.claims = {"sub": "1", "email": "ann@example.com", "email_verified": True, "groups": ["x", "lake-readers"]}
    log_in(browser, served)
    browser.wait("document.querySelectorAll('.stMetric').length === 5", 60)
    assert "ann@example.com, reader" in browser.value("document.body.innerText")
    assert urlsplit(browser.value("location.href")).netloc == urlsplit(served.url).netloc
    browser.click(button("Log out"))
    browser.wait(button("Log in"), 60)


def test_a_role_that_may_not_read_all_of_a_report_is_told(
    served: Served, provider: Provider, browser: chromium.Browser
) -> None:
    provider.claims = {"sub": "2", "email": "bob@example.com", "email_verified": True, "groups": ["shoppers"]}
    log_in(browser, served)
    browser.wait("document.body?.innerText.includes('role shopper may not see report')", 60)
    assert browser.value("document.querySelectorAll('.stMetric').length") == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "3", "email": "eve@example.com", "email_verified": True, "groups": ["nobody"]},
        {"sub": "4", "email": "ann@example.com", "email_verified": False, "groups": ["lake-readers"]},
        {"sub": "5", "email": "eve@example.com"},
    ],
    ids=["no such group", "address not verified", "no groups"],
)
def test_who_has_no_role_sees_nothing(served: Served, provider: Provider, browser: chromium.Browser, claims) -> None:
    provider.claims = claims
    log_in(browser, served)
    browser.wait("document.querySelector('h1')?.innerText === 'No access'", 60)
    assert browser.value("document.querySelectorAll('.stMetric').length") == 0
    assert "Release" not in browser.value("document.body.innerText")
