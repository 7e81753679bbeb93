"""Drives a headless Chromium over the DevTools protocol: two pipes, no port and no package."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from typing import Any


class Chromium:
    def __init__(self) -> None:
        self.profile = tempfile.mkdtemp()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--disable-extensions", "--mute-audio", "--lang=en-US",
                 f"--user-data-dir={self.profile}", "--remote-debugging-pipe", "about:blank"]
        # Chromium reads commands from descriptor 3 and answers on 4.
        shell = 'exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null'
        self.process = subprocess.Popen(["sh", "-c", shell, shutil.which("chromium") or "chromium", *flags],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "TZ": "Europe/Berlin"})
        self.number = 0
        self.buffer = b""
        self.session: str | None = None
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _read(self) -> dict:
        while b"\0" not in self.buffer:
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise RuntimeError("Chromium has ended")
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict) -> None:
        """Whatever the browser complains about: a policy that was broken, a script that failed."""
        params = event.get("params", {})
        if event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            # That a password was wrong is an answer, not a fault of the page.
            if "status of 4" not in params["entry"]["text"]:
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:400])

    def run(self, script: str) -> Any:
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, what: str, script: str, seconds: float = 20) -> Any:
        until = time.monotonic() + seconds
        while True:
            try:
                value = self.run(f"(() => {{ try {{ return {script} }} catch (e) {{ return null }} }})()")
            except RuntimeError:
                value = None  # Between two pages there is nothing to ask.
            if value:
                return value
            if time.monotonic() > until:
                raise RuntimeError(f"waited in vain for {what}; the page says: {self.text()[:600]}")
            time.sleep(0.05)

    def open(self, url: str) -> None:
        self.run("window.left = true")
        self.call("Page.navigate", url=url)
        self.wait(url, "!window.left && document.readyState === 'complete'")

    def submit(self, fields: dict[str, str], button: str) -> None:
        """Types into fields by id and clicks the button with this text, as a person does."""
        for name, value in fields.items():
            self.run(f"document.getElementById({json.dumps(name)}).focus()")
            self.run("document.activeElement.select?.()")
            self.call("Input.insertText", text=value)
        self.run("window.left = true")
        self.click(f"[...document.querySelectorAll('button')].find(b => b.textContent.trim() === {json.dumps(button)})")
        self.wait(f"the page behind {button}", "!window.left && document.readyState === 'complete'")

    def submit_last(self, button: str) -> None:
        """The last visible button with this text: the one that a question has opened."""
        self._leave(f"[...document.querySelectorAll('button')].filter(b => b.textContent.trim() === {json.dumps(button)}"
                    " && b.offsetParent).pop()", button)

    def submit_labelled(self, label: str) -> None:
        self._leave(f"document.querySelector('button[aria-label={json.dumps(label)}]')", label)

    def _leave(self, element: str, what: str) -> None:
        self.run("window.left = true")
        self.click(element)
        self.wait(f"the page behind {what}", "!window.left && document.readyState === 'complete'")

    def choose(self, name: str, value: str) -> None:
        """An option of a list, as the keyboard would."""
        self.run(f"(() => {{ const e = document.getElementById({json.dumps(name)}); e.value = {json.dumps(value)};"
                 " e.dispatchEvent(new Event('change', {bubbles: true})) })()")

    def seen(self, name: str) -> bool:
        return self.run(f"!!document.getElementById({json.dumps(name)})?.offsetParent")

    def drop(self, held: str, over: str) -> None:
        """From one element onto another; headless browsers have no hand, so the events are made."""
        self.run("window.left = true")
        self.run(f"""(() => {{
            const [held, over, data] = [document.querySelector({json.dumps(held)}), document.querySelector({json.dumps(over)}), new DataTransfer()];
            for (const [on, kind] of [[held, 'dragstart'], [over, 'dragover'], [over, 'drop']])
                on.dispatchEvent(new DragEvent(kind, {{bubbles: true, cancelable: true, dataTransfer: data}}));
        }})()""")
        self.wait("the page behind the drop", "!window.left && document.readyState === 'complete'")

    def click(self, element: str) -> None:
        # In its first line: between two lines of a link there is nothing to click.
        place = self.run(f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center'}});"
                         " const r = e.getClientRects()[0]; return [r.x + Math.min(r.width / 2, 40), r.y + r.height / 2] })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def drag(self, element: str, begin: float, end: float) -> None:
        """Over the width of an element, from one share of it to another."""
        box = self.run(f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center'}});"
                       " const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height] })()")
        at = lambda share: {"x": box[0] + box[2] * share, "y": box[1] + box[3] / 2, "button": "left"}
        self.run("window.left = true")
        self.call("Input.dispatchMouseEvent", type="mousePressed", clickCount=1, **at(begin))
        for step in range(1, 6):
            self.call("Input.dispatchMouseEvent", type="mouseMoved", buttons=1, **at(begin + (end - begin) * step / 5))
        self.call("Input.dispatchMouseEvent", type="mouseReleased", clickCount=1, **at(end))
        self.wait("the page behind the drag", "!window.left && document.readyState === 'complete'")

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def key(self, name: str) -> None:
        code = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "Tab": 9}[name]
        for kind in ("keyDown", "keyUp"):
            more = {"text": "\r"} if name == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **more)

    def press(self, button: str) -> None:
        """Clicks the button with this text and waits for the next page."""
        self.submit({}, button)

    def serious_faults(self, axe: str) -> list[str]:
        """What axe finds on this page that keeps people out."""
        self.run(axe + ";0")
        return self.run("""axe.run(document, {resultTypes: ['violations']}).then(found => found.violations
            .filter(fault => ['serious', 'critical'].includes(fault.impact))
            .map(fault => fault.id + ': ' + fault.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(' | ')))""")

    def look(self, dark: bool | None, narrow: bool) -> None:
        """Light or dark, or as the system has it; as on a telephone or on a desk."""
        scheme = [] if dark is None else [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        if narrow:
            self.call("Emulation.setDeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=True)
        else:
            self.call("Emulation.clearDeviceMetricsOverride")
        time.sleep(0.3)

    def text(self) -> str:
        return self.run("document.body ? document.body.innerText : ''") or ""

    def picture(self, path: str, width: int, dark: bool, height: int = 900) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        time.sleep(0.2)
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=False)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.profile, ignore_errors=True)
