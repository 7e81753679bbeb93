"""The set-up in the Admin Console, done by clicks: the guides' flows, a policy tried and saved, roles refused."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import console_pages
import expect
from chromium import Chromium
from stream_api import TOKEN, StreamApi

URL = os.environ["WATCHFIRE_URL"]
BINARY = os.environ["WATCHFIRE_BIN"]
WORK = Path(os.environ["WATCHFIRE_WORK"])
LOGIN = "lin@example.com"
PASSWORD = "correct horse battery"
Api = Callable[..., dict]

PAGES = {
    "people": "/admin/directory/people",
    "groups": "/admin/directory/groups",
    "apps": "/admin/security/apps",
    "risk-providers": "/admin/security/risk-providers",
    "device-integrations": "/admin/security/device-integrations",
    "streams": "/admin/security/streams",
    "policies": "/admin/security/policies",
    "entity-risk": "/admin/security/entity-risk",
    "risk-settings": "/admin/security/risk-settings",
    "zones": "/admin/security/zones",
    "behaviors": "/admin/security/behaviors",
    "approvals": "/admin/actions/queue",
    "dead-letters": "/admin/actions/dead-letters",
    "hooks": "/admin/actions/hooks",
    "workflows": "/admin/actions/workflows",
    "api-tokens": "/admin/settings/api-tokens",
    "sign-in-settings": "/admin/settings/sign-in",
    "passkeys": "/admin/settings/passkeys",
    "server": "/admin/settings/server",
}


def go(browser: Chromium, place: str) -> None:
    """By the navigation."""
    browser.click(f"[...document.querySelectorAll('nav a')].find(a => a.textContent === {json.dumps(place)})")
    browser.wait(place, f"document.querySelector('nav a[aria-current]')?.textContent === {json.dumps(place)}"
                        " && document.readyState === 'complete'")


def heading(browser: Chromium) -> str:
    return browser.run("document.querySelector('h1').innerText")


def follow(browser: Chromium, text: str) -> None:
    browser.run("window.left = true")
    browser.click(f"[...document.querySelectorAll('main a')].find(a => a.textContent.trim() === {json.dumps(text)})")
    browser.wait(text, "!window.left && document.readyState === 'complete'")


def last_part(browser: Chromium) -> str:
    return browser.run("location.pathname.split('/').pop()")


def watchfire(*arguments: str) -> str:
    made = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60)
    if made.returncode != 0:
        expect.fail(" ".join(arguments[:2]), made.stderr)
    return made.stdout


def walk(browser: Chromium, api: Api) -> None:
    guide(browser)
    wizard(browser, api)
    stream(browser)
    policy(browser, api)
    hostile(browser, api)
    the_rest(browser)
    for name, path in (PAGES | details(browser)).items():
        browser.open(URL + path)
        console_pages.accessible(browser, name)
    narrow(browser)
    expect.equal("the browser complains about nothing", browser.complaints, [])


def guide(browser: Chromium) -> None:
    """The third-party risk provider guide."""
    go(browser, "Service apps")
    browser.click("[...document.querySelectorAll('.maker button')].find(b => b.textContent === 'Make an RSA key')")
    key = browser.wait("a key", "document.querySelector('.private-key').textContent")
    public = json.loads(browser.run("document.getElementById('jwks').value"))
    expect.equal("the form gets the public half only", sorted(public), ["alg", "e", "kid", "kty", "n", "use"])
    expect.true("the private key is shown once", "d" in json.loads(key))
    browser.submit({"client_name": "Risk Provider Example"}, "Create app")
    expect.equal("the app is there", heading(browser).split("\n")[0].strip(), "Risk Provider Example Active")
    expect.true("with its scope", "okta.riskEvents.manage" in browser.text())
    expect.true("and without the private key", json.loads(key)["d"] not in browser.run("document.body.innerHTML"))
    client = last_part(browser)
    go(browser, "Risk providers")
    browser.choose("client", client)
    browser.choose("action", "enforce_and_log")
    browser.submit({"name": "Risk Provider Example"}, "Create provider")
    expect.true("the provider is enforced", "enforce_and_log" in browser.text(), browser.text())
    file = WORK / "provider.json"
    file.write_text(key)
    watchfire("provider", "send", "--client-id", client, "--key", str(file), "--url", URL, "--ip", "203.0.113.7",
              "--message", "Detected Attack tooling and suspicious activity")
    go(browser, "System Log")
    browser.submit({"filter": 'eventType eq "security.risk.signal.consume"'}, "Search")
    expect.true("its signal is in the System Log", browser.run("document.querySelectorAll('.event').length") >= 1)


def wizard(browser: Chromium, api: Api) -> None:
    """The security events provider, in the guide's two ways."""
    vendor = {name: os.environ[f"VENDOR_{name}"] for name in ("ISSUER", "WELL_KNOWN_URL", "JWKS_URL", "DIR")}
    go(browser, "Device integrations")
    expect.true("an empty list says what to do", "well-known URL" in browser.text())
    follow(browser, "Create provider")
    follow(browser, "Okta's receiver")
    expect.true("a well-known URL is asked for", browser.seen("well_known_url"))
    expect.true("and nothing of the other way", not browser.seen("jwks_url"))
    fields = {"name": "Acme EDR", "type": "acme-edr", "well_known_url": vendor["WELL_KNOWN_URL"] + "-not"}
    browser.submit(fields, "Test connection")
    fault = browser.run("document.getElementById('well_known_url-fault').innerText")
    expect.true("the exact fault stands at its field", "404" in fault, fault)
    browser.submit({"well_known_url": vendor["WELL_KNOWN_URL"]}, "Test connection")
    expect.true("the test shows issuer and keys", vendor["ISSUER"] in browser.text() and "RS256" in browser.text(), browser.text())
    browser.submit({}, "Create provider")
    expect.true("the provider is there", heading(browser).startswith("Acme EDR"))
    api("POST", "/api/v1/users?activate=true", {
        "profile": {"login": LOGIN, "email": LOGIN, "firstName": "Lin", "lastName": "Example"},
        "credentials": {"password": {"value": PASSWORD}}})
    claims = WORK / "claims.json"
    claims.write_text(watchfire("set", "make", "--event", "user-risk-change", "--audience", URL,
                                "--user-email", LOGIN, "--level", "high", "--previous-level", "low"))
    token = WORK / "token"
    token.write_text(watchfire("set", "sign", "--transmitter", vendor["DIR"], "--audience", URL, str(claims)))
    watchfire("set", "send", "--to", URL, str(token))
    follow(browser, "Its events in the System Log")
    expect.true("its event reads as the guide says", "Partner reported risk" in browser.text(), browser.text())
    go(browser, "Device integrations")
    follow(browser, "Acme EDR")
    browser.submit({}, "Deactivate")
    expect.true("it is switched off", "Inactive" in heading(browser))
    browser.click("document.querySelector('.question summary')")
    browser.submit_last("Delete")
    expect.true("and deleted", "Nobody shares signals yet" in browser.text())
    follow(browser, "Create provider")
    follow(browser, "SSF 1.0")
    browser.choose("way", "keys")
    expect.true("the other way asks for issuer and keys", browser.seen("jwks_url") and not browser.seen("well_known_url"))
    fields = {"name": "Acme EDR", "type": "acme-edr", "issuer": vendor["ISSUER"], "jwks_url": vendor["JWKS_URL"]}
    browser.submit(fields, "Create provider")
    browser.submit({}, "Test connection")
    expect.true("its keys are fetched", "tokens that these keys sign are accepted" in browser.text())


def stream(browser: Chromium) -> None:
    """A stream at a transmitter that wants to be asked for one."""
    transmitter = StreamApi()
    go(browser, "Device integrations")
    follow(browser, "Incoming streams")
    browser.run("document.querySelector('details.folded').open = true")
    fields = {"address": f"{transmitter.url}/not-there", "name": "Streamer", "token": TOKEN, "description": "Streamer's events"}
    browser.choose("source", "wellKnownUrl")
    browser.choose("delivery", "poll")
    browser.submit(fields, "Create stream")
    fault = browser.run("[...document.querySelectorAll('[id$=-fault], .note.bad')].map(it => it.innerText).join(' ')")
    expect.true("a stream's exact fault stands in its form", "404" in fault or "not-there" in fault, fault)
    browser.submit({"address": f"{transmitter.url}/.well-known/ssf-configuration", "token": TOKEN}, "Create stream")
    expect.true("a stream is made by its form", heading(browser).startswith("Streamer's events"), browser.text())
    expect.equal("and at the transmitter", len(transmitter.streams), 1)
    expect.true("it is polled", "poll" in browser.text())
    browser.click("[...document.querySelectorAll('.question summary')].pop()")
    browser.submit_last("Delete")
    expect.equal("and deleted there too", transmitter.streams, [])
    transmitter.close()


def policy(browser: Chromium, api: Api) -> None:
    """A rule tried on what was recorded, then saved."""
    api("POST", "/api/v1/authn", {"username": LOGIN, "password": PASSWORD})
    go(browser, "Sign-on policies")
    follow(browser, "Default Policy")
    follow(browser, "Add rule")
    browser.choose("decision", "DENY")
    browser.submit({"name": "Nobody"}, "Try on recorded sign-ins")
    expect.true("the trial says whom it would concern", "sign-ins would have been decided otherwise" in browser.text(), browser.text())
    expect.true("and who that is", LOGIN in browser.text())
    expect.equal("what was typed is still there", browser.run("document.getElementById('name').value"), "Nobody")
    browser.submit({}, "Create rule")
    follow(browser, "Add rule")
    browser.choose("level", "HIGH")
    browser.submit({"name": "Risky"}, "Create rule")
    rules = "[...document.querySelectorAll('tbody tr td:nth-child(2)')].map(td => td.innerText)"
    before = browser.run(rules)
    expect.equal("rules stand in their order", before[:2], ["Nobody", "Risky"])
    browser.submit_labelled("Up Risky")
    expect.equal("a button moves one up", browser.run(rules)[:2], ["Risky", "Nobody"])
    browser.drop("tr[data-place='1']", "tr[data-place='2']")
    expect.equal("so does the mouse", browser.run(rules)[:2], ["Nobody", "Risky"])
    follow(browser, "Nobody")
    browser.run("document.querySelector('form.sheet #name').focus()")
    browser.submit({"expression": "security.risk.score >"}, "Save rule")
    expect.true("a fault of an expression stands at it", browser.run("document.getElementById('expression-fault').innerText"))
    browser.submit({"expression": "true"}, "Save rule")
    for rule in ("Nobody", "Risky"):
        browser.submit_labelled(f"Deactivate {rule}")
    expect.true("a rule is switched off", "Switched off" in browser.text())


def hostile(browser: Chromium, api: Api) -> None:
    name = "<script>document.title='owned'</script>\u202e\"><img src=x onerror=document.title='owned'>"
    api("POST", "/api/v1/groups", {"profile": {"name": name, "description": name}})
    for place in ("Groups", "Sign-on policies"):
        go(browser, place)
        expect.true(f"hostile names do nothing in {place}", "owned" not in browser.run("document.title"))
        expect.equal(f"hostile names make no elements in {place}", browser.run("document.querySelectorAll('main script, main img').length"), 0)


def the_rest(browser: Chromium) -> None:
    go(browser, "API tokens")
    browser.submit({"name": "Made by clicks"}, "Create token")
    expect.true("a token is shown once", browser.run("document.querySelector('[data-copy]').textContent").startswith("00"))
    go(browser, "Server")
    expect.true("the settings are shown", "api-calls-per-minute" in browser.text() and os.environ["WATCHFIRE_TOKEN"] not in browser.text())
    for place in ("People", "Approvals", "Dead letters", "Event hooks", "Workflows", "Networks", "Behavior detection"):
        go(browser, place)
        expect.true(f"{place} is there", bool(heading(browser)))


def narrow(browser: Chromium) -> None:
    """On a narrow screen nothing is wider than the screen, and the navigation is behind one word."""
    browser.call("Emulation.setDeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=True)
    for name, path in (PAGES | details(browser)).items():
        browser.open(URL + path)
        wide = browser.run("document.documentElement.scrollWidth")
        expect.true(f"{name} fits a narrow screen", wide <= 400, wide)
    expect.true("the navigation is closed", not browser.run("!!document.querySelector('nav.side').offsetParent"))
    browser.click("document.querySelector('label.menu')")
    expect.true("one word opens it", browser.run("!!document.querySelector('nav.side').offsetParent"))
    browser.call("Emulation.clearDeviceMetricsOverride")


def details(browser: Chromium) -> dict[str, str]:
    """Pages of single objects: the first of each list."""
    found = {
        "wizard": "/admin/security/device-integrations/new?profile=okta&way=well-known",
        "rule-new": "",
        "zone-new": "/admin/security/zones/new-dynamic",
        "entity-rule-new": "/admin/security/entity-risk/rules/new",
    }
    for name in ("apps", "risk-providers", "device-integrations", "policies", "groups"):
        browser.open(URL + PAGES[name])
        found[f"{name}-one"] = browser.run("document.querySelector('tbody a')?.getAttribute('href') || ''")
    found["rule-new"] = found["policies-one"] + "/rules/new"
    return {name: path for name, path in found.items() if path}


def refused(browser: Chromium) -> None:
    """What a reader sees: no button but for one's own passkeys, and a form that is sent all the same is refused."""
    for name, path in PAGES.items():
        if name == "passkeys":
            continue
        browser.open(URL + path)
        expect.equal(f"a reader changes nothing on {name}", browser.run("document.querySelectorAll('main form[method=post]').length"), 0)
    status = browser.run("""fetch('/admin/security/zones/new-ip', {method: 'POST', headers: {'content-type': 'application/x-www-form-urlencoded'},
        body: new URLSearchParams({csrf: document.querySelector('[name=csrf]').value, name: 'x', gateways: '192.0.2.1/32'})})
        .then(answer => answer.status)""")
    expect.equal("a reader's form is refused", status, 403)
