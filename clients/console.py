"""The Admin Console as a person uses it: the first link, signing in, searching the log, the live tail, roles."""

import base64
import hashlib
import hmac
import json
import os
import struct
import sys
import time
import urllib.request
from pathlib import Path

import console_live
import console_pages
import console_set_up
import expect
import readme_pictures
from chromium import Chromium

URL = os.environ["WATCHFIRE_URL"]
PASSWORD = "correct horse battery"
EVIL = "<script>document.title='owned'</script>\u202e<img src=x onerror=document.title='owned'>"


def api(method: str, path: str, body: object = None) -> dict:
    headers = {"Authorization": f"SSWS {os.environ['WATCHFIRE_TOKEN']}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method)) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def make_user(login: str, first: str) -> None:
    profile = {"login": login, "email": login, "firstName": first, "lastName": "Example"}
    api("POST", "/api/v1/users?activate=false", {"profile": profile})


def code(secret: str, used: set[int]) -> str:
    """The code of a step that was not used yet: each works once."""
    step = int(time.time()) // 30
    while step in used:
        step += 1
    if step > int(time.time()) // 30 + 1:
        time.sleep(step * 30 - 30 - time.time())
    used.add(step)
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


def accept(browser: Chromium, link: str, used: set[int]) -> str:
    browser.open(link)
    console_pages.accessible(browser, "invitation")
    secret = browser.run("document.querySelector('code.wide').textContent")
    browser.submit({"password": PASSWORD, "again": PASSWORD, "code": code(secret, used)}, "Finish")
    return secret


def sign_in(browser: Chromium, login: str, secret: str, used: set[int]) -> None:
    browser.submit({"login": login, "password": PASSWORD}, "Next")
    browser.submit({"code": code(secret, used)}, "Sign in")


def enter(browser: Chromium) -> None:
    """By the first link."""
    link = (Path(os.environ["WATCHFIRE_WORK"]) / "data" / "admin-invitation").read_text().strip()
    used: set[int] = set()
    sign_in(browser, "admin@watchfire.local", accept(browser, link, used), used)


def walk(browser: Chromium) -> None:
    link = (Path(os.environ["WATCHFIRE_WORK"]) / "data" / "admin-invitation").read_text().strip()
    used: set[int] = set()
    secret = accept(browser, link, used)
    expect.true("the link leads to the sign-in", "Sign in with them now" in browser.text(), browser.text())
    browser.submit({"login": "admin@watchfire.local", "password": "wrong password"}, "Next")
    expect.true("a wrong password is said", "is wrong" in browser.text())
    console_pages.accessible(browser, "sign-in")
    sign_in(browser, "admin@watchfire.local", secret, used)
    expect.equal("the overview is the first page", browser.run("document.querySelector('h1').textContent"), "Overview")

    make_user("jo@example.com", "Jo")
    make_user("evil@example.com", EVIL[:50])
    browser.click("[...document.querySelectorAll('nav a')].find(a => a.textContent === 'System Log')")
    browser.wait("the log", "document.querySelector('h1').textContent === 'System Log'")
    expect.true("times are in the reader's zone", browser.wait("times", "document.querySelector('.event time').title.endsWith(' UTC')"))
    browser.submit({"filter": 'eventType eq "user.lifecycle.create"'}, "Search")
    expect.equal("a filter finds its events", browser.run("document.querySelectorAll('.event').length"), 2)
    browser.click("document.querySelector('.event summary')")
    expect.true("a row opens to the whole event", browser.wait("the event", "!!document.querySelector('.event .whole dl')"))
    expect.equal("hostile names do nothing", browser.run("document.title"), "System Log · Watchfire")
    expect.equal("hostile names make no elements", browser.run("document.querySelectorAll('#rows script, #rows img').length"), 0)
    browser.submit({"filter": 'eventType eq "a" nonsense'}, "Search")
    expect.equal("a fault is marked at its place", browser.run("document.querySelector('mark').textContent"), "nonsense")
    browser.submit({"filter": 'eventType eq "user.lifecycle.create"'}, "Search")
    address = browser.run("[...document.querySelectorAll('.histogram a')].pop().getAttribute('href')")
    browser.open(URL + address)
    expect.equal("a bar leads to its time", browser.run("document.querySelectorAll('.event').length"), 2)

    browser.open(URL + "/admin/reports/system-log?live=1&filter=" + "eventType%20eq%20%22user.lifecycle.create%22")
    make_user("live@example.com", "Live")
    expect.true("the live tail brings what has come", browser.wait("the tail", "document.querySelectorAll('.event').length === 3"))
    expect.true("the newest is on top", "Live" in browser.run("document.querySelector('.event').textContent"))

    console_live.walk(browser, make_user)
    console_pages.system_log(browser)
    console_pages.risk(browser)
    console_set_up.walk(browser, api)
    browser.open(URL + "/admin/settings/administrators")
    browser.submit({"login": "reader@example.com"}, "Make a link")
    invited = browser.run("document.querySelector('.note.good code').textContent")
    browser.submit({}, "Sign out")
    expect.true("signed out", browser.run("location.pathname") == "/admin/sign-in")
    theirs: set[int] = set()
    secret = accept(browser, invited, theirs)
    sign_in(browser, "reader@example.com", secret, theirs)
    browser.open(URL + "/admin/settings/administrators")
    expect.true("a reader reads", "A super administrator changes it" in browser.text())
    expect.equal("a reader changes nothing", browser.run("document.querySelectorAll('main button').length"), 0)
    console_pages.reader(browser)
    status = browser.run("""fetch('/watchfire/v1/administrators', {method: 'POST', headers: {'content-type': 'application/json',
        'x-watchfire-csrf': document.querySelector('[name=csrf]').value}, body: '{"login": "a@example.com", "role": "SUPER_ADMIN"}'})
        .then(answer => answer.status)""")
    expect.equal("the API refuses the reader's session", status, 403)
    console_set_up.refused(browser)
    console_live.ended(browser)
    expect.equal("the browser complains about nothing", [c for c in browser.complaints if "403" not in c], [])


def pictures(browser: Chromium, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    link = (Path(os.environ["WATCHFIRE_WORK"]) / "data" / "admin-invitation").read_text().strip()

    def take(name: str) -> None:
        for width, size in ((1280, "wide"), (400, "narrow")):
            for dark in (False, True):
                browser.picture(str(folder / f"{name}-{size}-{'dark' if dark else 'light'}.png"), width, dark)
                expect.ok(f"{name} {size} {'dark' if dark else 'light'}")

    browser.open(link)
    take("invitation")
    used: set[int] = set()
    secret = accept(browser, link, used)
    take("sign-in")
    browser.submit({"login": "admin@watchfire.local", "password": "wrong password"}, "Next")
    browser.submit({"login": "admin@watchfire.local", "password": PASSWORD}, "Next")
    take("sign-in-code")
    browser.submit({"code": code(secret, used)}, "Sign in")
    for n, name in enumerate(["Ada", "Grace", "Linus", EVIL[:50], "Zoë", "李"]):
        make_user(f"user{n}@example.com", name)
    seen = console_pages.fill()
    take_pages = {
        "overview": "/admin",
        "overview-week": "/admin?range=7d",
        "risk-users": "/admin/risk/users",
        "risk-user": f"/admin/risk/users/{seen['user']}",
        "risk-sign-in": f"/admin/risk/sign-ins/{seen['sign_in']}",
        "risk-addresses": "/admin/risk/addresses",
        "risk-address": f"/admin/risk/addresses/{seen['ip']}",
        "risk-empty": "/admin/risk/users?login=nobody",
        "system-log": "/admin/reports/system-log?range=1h",
        "system-log-fault": "/admin/reports/system-log?filter=eventType+eq+%22a%22+nonsense",
        "system-log-empty": "/admin/reports/system-log?q=nothing&range=15m",
        "administrators": "/admin/settings/administrators",
        "not-found": "/admin/nothing",
        **console_set_up.PAGES,
    }
    browser.call("Emulation.clearDeviceMetricsOverride")
    console_set_up.walk(browser, api)
    take_pages |= console_set_up.details(browser)
    for name, path in take_pages.items():
        browser.open(URL + path)
        take(name)
    browser.open(URL + take_pages["system-log"])
    browser.click("document.querySelector('.event summary')")
    browser.wait("the event", "!!document.querySelector('.event .whole dl')")
    take("system-log-event")


def main() -> None:
    browser = Chromium()
    try:
        if sys.argv[1:2] == ["--readme"]:
            folder = Path(sys.argv[2])
            folder.mkdir(parents=True, exist_ok=True)
            enter(browser)
            readme_pictures.take(browser, folder)
        elif len(sys.argv) > 1:
            pictures(browser, Path(sys.argv[1]))
        else:
            walk(browser)
    except RuntimeError as error:
        expect.fail("the browser", str(error))
    finally:
        browser.close()
    expect.done()


main()
