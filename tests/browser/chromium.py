"""A real browser, driven by the Chrome DevTools protocol through a pipe; nothing but the browser is needed."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_KEYS = {"ArrowDown": 40, "ArrowUp": 38, "Enter": 13, "Escape": 27, "Tab": 9, "/": 191}


def find() -> str | None:
    """The browser's program; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page; what it logs and asks for is kept.

    Args:
        profile: A folder of its own.
    """

    def __init__(self, profile: Path) -> None:
        program = find()
        assert program
        self.messages: list[str] = []
        self.requests: list[str] = []
        self._number, self._buffer = 0, b""
        self._events: list[dict[str, Any]] = []
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
        command = [program, *flags, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        # The browser looks for its pipe at the numbers 3 and 4; from 10 on they can't be each other's.
        high = [fcntl.fcntl(number, fcntl.F_DUPFD, 10) for number in (to_browser, from_browser)]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{high[0]} 4>&{high[1]}', "bash", *command],
            pass_fds=high,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in (to_browser, from_browser, *high):
            os.close(number)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    _session: str | None = None

    def close(self) -> None:
        """End the browser that was started here."""
        with contextlib.suppress(OSError, AssertionError):
            self._session = None
            self.call("Browser.close")
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told
                return dict(told["result"])

    def _next(self, seconds: float = 60) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser doesn't answer"
            part = os.read(self._read, 1 << 16)
            assert part, "the browser has ended"
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        told: dict[str, Any] = json.loads(text)
        self._note(told)
        return told

    def _note(self, told: dict[str, Any]) -> None:
        method, params = told.get("method"), told.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.messages.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.messages.append(params["entry"]["text"])
        elif method:
            self._events.append(told)

    def open(self, file: Path, query: str = "") -> None:
        """Open a page from the file system and wait until its scripts ran."""
        self._events.clear()
        self.call("Page.navigate", url=file.absolute().as_uri() + query)
        self.loaded()

    def go(self, url: str) -> None:
        """Open a page of a server and wait until it is loaded; what its scripts do then is not waited for."""
        self._events.clear()
        self.call("Page.navigate", url=url)
        self.loaded()

    def wait(self, script: str, seconds: float = 30) -> None:
        """Wait until a script gives something that is true."""
        until = time.monotonic() + seconds
        while True:
            found = self.value(f"Boolean({script})")
            if found:
                return
            assert time.monotonic() < until, (
                f"in {seconds} s not true: {script}\n{self.value('document.body.innerText')}"
            )
            time.sleep(0.05)

    def hover(self, script: str) -> dict[str, float]:
        """Point at the middle of the element that a script gives; where that is."""
        self.value(f"{script}.scrollIntoView({{block: 'center'}})")
        place = self.value(f"{script}.getBoundingClientRect().toJSON()")
        middle = {"x": place["x"] + place["width"] / 2, "y": place["y"] + place["height"] / 2}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", **middle)
        return middle

    def click(self, script: str) -> None:
        """Click into the middle of the element that a script gives."""
        middle = self.hover(script)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **middle)

    def loaded(self) -> None:
        """Wait until the page is there."""
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._next()
        self._events.clear()

    def look(self, width: int, height: int, *, is_dark: bool = False) -> None:
        """Size and colours of the screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def value(self, script: str) -> Any:
        """What a script gives."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key."""
        code = {"key": key, "windowsVirtualKeyCode": _KEYS[key]}
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def type(self, text: str) -> None:
        """Type a text."""
        self.call("Input.insertText", text=text)

    def screenshot(self, file: Path) -> None:
        """Keep a picture of what is seen."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
