"""A real Chromium, driven by the mouse and the keyboard through its own debugging pipe; nothing else is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

LOOK = Path(__file__).with_name("look.js").read_text(encoding="utf-8")
"""What the tests look at in the page."""

_CODES = {"Enter": 13, "Escape": 27, "Tab": 9, "Delete": 46, "Backspace": 8, "F2": 113, "ArrowLeft": 37, "ArrowUp": 38,
          "ArrowRight": 39, "ArrowDown": 40}  # fmt: skip
ALT, CONTROL, SHIFT = 1, 2, 8


class Browser:
    """One headless window. `errors` collects what the console or an uncaught exception says."""

    def __init__(self, folder: Path, *, width: int = 1280, height: int = 800, touch: bool = False) -> None:
        to_browser, from_us = os.pipe()
        from_browser, to_us = os.pipe()
        command = (
            f'exec "{CHROMIUM}" --headless=new --no-sandbox --disable-gpu --remote-debugging-pipe --no-first-run '
            f'--disable-dev-shm-usage --user-data-dir="{folder / "profile"}" about:blank 3<&{to_browser} 4>&{to_us}'
        )
        self._process = subprocess.Popen(
            ["bash", "-c", command], pass_fds=(to_browser, to_us), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(to_us)
        self._out, self._in = os.fdopen(from_us, "wb", buffering=0), os.fdopen(from_browser, "rb", buffering=0)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.errors: list[str] = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        if touch:
            self.call("Emulation.setTouchEmulationEnabled", enabled=True)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._out.close()
        self._in.close()
        self._process.kill()
        self._process.wait()

    # The pipe: messages end in a zero byte --------------------------------------------------------------------------

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = self._in.read(1 << 16)
            if not chunk:
                raise RuntimeError("the browser is gone.")
            self._rest += chunk
        line, self._rest = self._rest.split(b"\0", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        method, said = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        if method == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.errors.append(said["entry"]["text"])
        if method == "Runtime.consoleAPICalled" and said["type"] in {"error", "assert"}:
            self.errors.append(str(said["args"]))

    # The page --------------------------------------------------------------------------------------------------------

    def open(self, address: str) -> None:
        """Open a page of the explorer and wait until it is ready."""
        self.js("document.documentElement.dataset.ready = 'no'")
        if "loaderId" not in self.call("Page.navigate", url=address):  # only the fragment differs
            self.call("Page.reload")
        self.until("document.documentElement?.dataset.ready === 'yes'")
        self.js(LOOK)
        self.painted()

    def open_afresh(self, address: str) -> None:
        """Open a page as if for the first time: nothing is kept."""
        self.open(address)
        self.js("localStorage.clear()")
        self.open(address)

    def js(self, expression: str) -> Any:
        """Return the value of an expression, promises awaited."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"]["description"])
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 8.0) -> Any:
        """Wait until an expression is true, and return its value."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = self.js(expression)
            except RuntimeError:  # the page is on its way
                value = None
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"still not: {expression}")

    def look(self, what: str, *arguments: Any) -> Any:
        """Return what a function of ``look.js`` sees in the page."""
        return self.js(f"look.{what}({', '.join(map(json.dumps, arguments))})")

    def painted(self) -> None:
        """Wait until what is pending has been painted."""
        self.look("painted")

    def focus(self, selector: str) -> None:
        """Give an element the focus."""
        self.js(f"document.querySelector({json.dumps(selector)}).focus()")

    def middle(self, selector: str) -> tuple[float, float]:
        """Return the middle of an element on the screen, scrolled to if need be."""
        x, y = self.look("middle", selector)
        return x, y

    # Hands -----------------------------------------------------------------------------------------------------------

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def move(self, where: str | tuple[float, float]) -> None:
        x, y = self.middle(where) if isinstance(where, str) else where
        self.mouse("mouseMoved", x, y)
        self.painted()

    def click(self, where: str | tuple[float, float], *, times: int = 1, modifiers: int = 0) -> None:
        x, y = self.middle(where) if isinstance(where, str) else where
        self.mouse("mouseMoved", x, y)
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.mouse(kind, x, y, button="left", clickCount=count, modifiers=modifiers)
        self.painted()

    def drag(self, start: str | tuple[float, float], end: str | tuple[float, float], *, modifiers: int = 0) -> None:
        (x0, y0), (x1, y1) = (self.middle(p) if isinstance(p, str) else p for p in (start, end))
        self.mouse("mouseMoved", x0, y0)
        self.mouse("mousePressed", x0, y0, button="left", clickCount=1, modifiers=modifiers)
        for i in range(1, 7):
            x, y = x0 + (x1 - x0) * i / 6, y0 + (y1 - y0) * i / 6
            self.mouse("mouseMoved", x, y, button="left", buttons=1, modifiers=modifiers)
        self.mouse("mouseReleased", x1, y1, button="left", clickCount=1, modifiers=modifiers)
        self.painted()

    def key(self, key: str, *, modifiers: int = 0, commands: tuple[str, ...] = ()) -> None:
        """Press a key: a letter, or a name such as ``"Enter"``."""
        code = _CODES.get(key) or ord(key.upper())
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 and not modifiers & (CONTROL | ALT) else "")
        about = {
            "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers,
            "code": key if len(key) > 1 else f"Key{key.upper()}",
        }  # fmt: skip
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text,
                  commands=list(commands), **about)  # fmt: skip
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)
        self.painted()

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def screenshot(self, path: Path) -> None:
        import base64

        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
