"""The live tail in a browser: by Server-Sent Events, cut and taken up again, by asking where streams are refused."""

import os
import socket
import threading
from urllib.parse import urlsplit

import expect
from chromium import Chromium

URL = os.environ["WATCHFIRE_URL"]
LIVE = "/admin/reports/system-log?live=1&filter=eventType%20eq%20%22user.lifecycle.create%22"
ROWS = "document.querySelectorAll('.event').length"


class Proxy:
    """Passes connections on to the server, and cuts them when it is told to."""

    def __init__(self) -> None:
        self.open: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        server = urlsplit(URL)
        while True:
            try:
                near = self.listener.accept()[0]
                far = socket.create_connection((server.hostname, server.port))
            except OSError:
                return
            self.open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self) -> None:
        for one in self.open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open.clear()

    def close(self) -> None:
        self.listener.close()
        self.cut()


def names(browser: Chromium) -> list[str]:
    return browser.run("[...document.querySelectorAll('.event .target')].map(it => it.textContent)")


def walk(browser: Chromium, make_user) -> None:
    proxy = Proxy()
    browser.open(proxy.url + LIVE)
    before = browser.run(ROWS)
    make_user("tail1@example.com", "Tail1")
    browser.wait("the first event", f"{ROWS} === {before + 1}")
    expect.true("an event appears live, without a question", not browser.run("!!document.getElementById('poller')"))
    expect.true("its time is in the reader's zone", browser.wait("the time", "document.querySelector('.event time').title.endsWith(' UTC')"))
    browser.click("document.querySelector('.event summary')")
    expect.true("a row that came opens to the whole event", browser.wait("the event", "!!document.querySelector('.event .whole dl')"))
    proxy.cut()
    browser.wait("the cut", "document.getElementById('live').textContent === 'Reconnecting'")
    make_user("tail2@example.com", "Tail2")
    make_user("tail3@example.com", "Tail3")
    browser.wait("what came meanwhile", f"{ROWS} === {before + 3}")
    make_user("tail4@example.com", "Tail4")
    browser.wait("what comes from then on", f"{ROWS} === {before + 4}")
    seen = names(browser)[:4]
    expect.equal("who was cut off misses none and sees none twice", [name.split()[0] for name in seen], ["Tail4", "Tail3", "Tail2", "Tail1"])
    expect.equal("and is live again", browser.run("document.getElementById('live').textContent"), "Live")
    proxy.close()
    asks(browser, make_user)
    # That a connection was cut is what was to happen.
    browser.complaints = [one for one in browser.complaints if "ERR_" not in one]


def asks(browser: Chromium, make_user) -> None:
    """Where streams are refused the page asks."""
    none = """window.EventSource = class extends EventTarget {
        static CLOSED = 2;
        readyState = 2;
        constructor() { super(); setTimeout(() => this.dispatchEvent(new Event('error'))); }
        close() {}
    };"""
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=none)["identifier"]
    browser.open(URL + LIVE)
    before = browser.run(ROWS)
    browser.wait("the question", "!!document.getElementById('poller')")
    make_user("asked@example.com", "Asked")
    browser.wait("the answer", f"{ROWS} === {before + 1}")
    expect.ok("without a stream the page asks every two seconds")
    browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    browser.open(URL + "/admin")


def ended(browser: Chromium) -> None:
    """Signing out in another tab ends the tail in this one."""
    browser.open(URL + LIVE)
    browser.wait("the tail", "document.getElementById('live').textContent === 'Live'")
    browser.run("""fetch('/admin/sign-out', {method: 'POST', headers: {'content-type': 'application/x-www-form-urlencoded'},
        body: new URLSearchParams({csrf: document.querySelector('[name=csrf]').value})}).then(answer => answer.status)""")
    browser.wait("the end", "document.getElementById('live').textContent === 'Your session has ended.'")
    expect.ok("a session that ends elsewhere ends the tail")
