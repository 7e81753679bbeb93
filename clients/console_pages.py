"""The console's pages of reports and of risk, clicked through; and what has to be there to be shown."""

import json
import os
import time
import urllib.request
from pathlib import Path

import expect
from chromium import Chromium

URL = os.environ["WATCHFIRE_URL"]
PASSWORD = "correct horse battery"
EVIL = "<script>document.title='owned'</script>\u202e<img src=x onerror=document.title='owned'>"
JO = "jo.risk@example.com"


def api(method: str, path: str, body: object = None, anonymous: bool = False) -> dict | list:
    headers = {"Content-Type": "application/json", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
    if not anonymous:
        headers["Authorization"] = f"SSWS {os.environ['WATCHFIRE_TOKEN']}"
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method)) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def fill() -> dict:
    """Somebody who signs in from an address of which providers speak, and against whom something speaks."""
    provider = api("GET", "/api/v1/risk/providers")[0]["id"]
    api("PUT", f"/api/v1/risk/providers/{provider}", {"name": EVIL[:40], "clientId": "null", "action": "enforce_and_log"})
    ip = "127.0.0.1"
    subjects = [{"ip": ip, "riskLevel": "MEDIUM", "message": "Credential stuffing node"},
                {"ip": "198.51.100.77", "riskLevel": "HIGH"}, {"ip": "198.51.100.78", "riskLevel": "LOW"}]
    api("POST", "/api/v1/risk/events/ip", [{"subjects": subjects}])
    profile = {"login": JO, "email": JO, "firstName": EVIL[:50], "lastName": "Risk"}
    user = api("POST", "/api/v1/users?activate=true", {"profile": profile, "credentials": {"password": {"value": PASSWORD}}})["id"]
    for _ in range(2):
        token = api("POST", "/api/v1/authn", {"username": JO, "password": PASSWORD}, anonymous=True)["sessionToken"]
        api("POST", "/api/v1/sessions", {"sessionToken": token})
    sign_in = api("GET", f"/watchfire/v1/sign-ins?userId={user}")[0]["id"]
    api("PUT", f"/api/v1/users/{user}/risk", {"riskLevel": "HIGH", "riskReason": "Phished, see ticket 4.2"})
    for level in ("MEDIUM", "LOW"):
        other = f"{level.lower()}@example.com"
        profile = {"login": other, "email": other, "firstName": level.title(), "lastName": "Example"}
        made = api("POST", "/api/v1/users?activate=false", {"profile": profile})["id"]
        api("PUT", f"/api/v1/users/{made}/risk", {"riskLevel": level})
    return {"user": user, "sign_in": sign_in, "ip": ip}


def axe() -> str:
    """axe-core's source, where clients/install has put it; nothing where it has not."""
    root = Path(__file__).resolve().parent.parent
    tools = os.environ.get("WATCHFIRE_CLIENT_TOOLS") or f"{os.environ.get('CARGO_TARGET_DIR') or root / 'target'}/client-tools"
    file = Path(tools) / "node" / "node_modules" / "axe-core" / "axe.min.js"
    return file.read_text() if file.exists() else ""


def accessible(browser: Chromium, what: str) -> None:
    source = axe()
    if not source:
        return
    for dark in (False, True):
        for narrow in (False, True):
            name = f"{what}, {'dark' if dark else 'light'}, {'narrow' if narrow else 'wide'}"
            browser.look(dark, narrow)
            expect.equal(f"axe finds no serious fault: {name}", browser.serious_faults(source), [])
    # Whatever opens by a click: forms, questions, menus. One on top of another is no fault of a page.
    if browser.run("document.querySelectorAll('details:not([open])').length"):
        browser.look(False, False)
        browser.run("document.querySelectorAll('#content details').forEach(it => it.open = true)")
        time.sleep(0.3)
        expect.equal(f"axe finds no serious fault: {what}, all of it open", browser.serious_faults(source), [])
        browser.run("document.querySelectorAll('#content details').forEach(it => it.open = false)")
    browser.look(None, False)


def heading(browser: Chromium) -> str:
    return browser.run("document.querySelector('h1').textContent")


def system_log(browser: Chromium) -> None:
    browser.open(URL + "/admin/reports/system-log?range=1h")
    browser.run("document.getElementById('filter').focus()")
    browser.type("eventT")
    browser.wait("a completion", "document.querySelectorAll('.completions li').length > 0")
    expect.equal("fields are completed", browser.run("document.querySelector('.completions li').textContent"), "eventType")
    for _ in range(1):
        browser.key("ArrowDown")
        browser.key("Enter")
    browser.type("eq \"user.lifecycle.cr")
    browser.wait("an event type", "document.querySelector('.completions li')?.textContent === 'user.lifecycle.create'")
    browser.key("ArrowDown")
    browser.key("Tab")
    expect.equal("event types are completed", browser.run("document.getElementById('filter').value"),
                 'eventType eq "user.lifecycle.create" ')
    browser.key("Escape")
    browser.press("Search")
    found = browser.run("document.querySelectorAll('.event').length")
    expect.true("the completed filter finds its events", found >= 2, found)
    accessible(browser, "System Log")

    browser.drag("document.querySelector('svg[data-from]')", 0.5, 1.0)
    expect.true("a brush narrows the time", "since=" in browser.run("location.search") and "range=" not in browser.run("location.search"))
    expect.equal("and keeps what was asked", browser.run("document.getElementById('filter').value"), 'eventType eq "user.lifecycle.create"')
    expect.equal("the newest events are at its end", browser.run("document.querySelectorAll('.event').length"), found)
    browser.drag("document.querySelector('svg[data-from]')", 0.0, 0.2)
    expect.true("where nothing happened is nothing", "Nothing in the log matches" in browser.text(), browser.text())

    browser.open(URL + "/admin/reports/system-log?filter=eventType+eq+%22user.lifecycle.create%22&range=1h")
    browser.run("document.querySelector('.saved').open = true")
    browser.submit({"name": "New users"}, "Save this search")
    expect.true("a search is saved", browser.run("document.querySelector('.saved li a').textContent") == "New users")
    browser.open(URL + "/admin/reports/system-log")
    browser.run("window.left = true")
    browser.click("document.querySelector('.saved li a')")
    browser.wait("the saved search", "!window.left && document.getElementById('filter').value.includes('user.lifecycle.create')")
    browser.press("×")
    expect.equal("and forgotten", browser.run("document.querySelectorAll('.saved li').length"), 0)


def risk(browser: Chromium) -> None:
    seen = fill()
    browser.open(URL + "/admin")
    expect.true("who is at risk needs a person", browser.run("document.querySelector('.needed .count').textContent") == "1")
    accessible(browser, "Overview")
    browser.run("window.left = true")
    browser.click("document.querySelector('.needed a')")
    browser.wait("users at risk", "!window.left && document.querySelector('h1')?.textContent === 'Users at risk'")
    expect.equal("only HIGH is listed", browser.run("document.querySelectorAll('tbody tr').length"), 1)
    accessible(browser, "Users at risk")
    browser.run("window.left = true")
    browser.click("document.querySelector('tbody a')")
    browser.wait("the user", "!window.left && document.querySelector('h1')?.textContent.includes('jo.risk')")
    expect.true("the reason is there", "Phished, see ticket 4.2" in browser.text())
    expect.equal("hostile names do nothing", browser.run("document.title"), "User · Watchfire")
    accessible(browser, "User")
    browser.press("End all sessions")
    expect.true("the sessions have ended", "All sessions of this user were ended." in browser.text(), browser.text())
    expect.true("and are gone", "No session of this user is open here." in browser.text())
    browser.open(URL + f"/admin/risk/sign-ins/{seen['sign_in']}")
    expect.true("the score is there at a glance", browser.run("document.querySelector('.verdict .count').textContent").isdigit())
    expect.true("each factor has a row", browser.run("document.querySelectorAll('.waterfall tbody tr').length") > 2)
    expect.equal("a provider's name makes no element", browser.run("document.querySelectorAll('main script, main img').length"), 0)
    accessible(browser, "Sign-in")
    browser.run("window.left = true")
    browser.click("[...document.querySelectorAll('a')].find(a => a.textContent === 'Everything of this transaction')")
    browser.wait("the transaction", "!window.left && document.querySelectorAll('.event').length > 1")
    browser.open(URL + "/admin/risk/addresses")
    worst = browser.run("document.querySelector('tbody th').textContent")
    expect.equal("addresses are listed, the worst first", worst, "198.51.100.77")
    accessible(browser, "Addresses")
    browser.open(URL + f"/admin/risk/addresses/{seen['ip']}")
    expect.true("an address tells what is said of it", "Credential stuffing node" in browser.text())
    expect.true("and who was there", JO in browser.text())
    accessible(browser, "Address")
    long = api("POST", "/watchfire/v1/sign-ins", {"user": {"login": JO}, "client": {"ipAddress": "192.0.2.9", "userAgent": "x" * 65_536},
                                                   "application": EVIL})["id"]
    browser.open(URL + f"/admin/risk/sign-ins/{long}")
    width = browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    expect.equal("64 kB of a header break no page", width, 0)
    expect.equal("and nothing runs", browser.run("document.title"), "Sign-in · Watchfire")


def reader(browser: Chromium) -> None:
    """With the session of somebody who only reads."""
    user = api("GET", f"/api/v1/users/{JO}")["id"]
    browser.open(URL + f"/admin/risk/users/{user}")
    expect.equal("a reader is offered no change", browser.run("document.querySelectorAll('main form').length"), 0)
    status = browser.run(f"""fetch('/admin/risk/users/{user}/end-sessions', {{method: 'POST',
        headers: {{'content-type': 'application/x-www-form-urlencoded'}},
        body: 'csrf=' + document.querySelector('[name=csrf]').value}}).then(answer => answer.status)""")
    expect.equal("and none is taken", status, 403)
