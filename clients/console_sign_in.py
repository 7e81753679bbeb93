"""The ways into the Admin Console beside password and code: the team's own identity provider, and passkeys."""

import base64
import hashlib
import hmac
import json
import os
import struct
import subprocess
import time
import urllib.request

import expect
from chromium import Chromium
from openid_provider import CLIENT_ID, CLIENT_SECRET, Provider

URL = os.environ["WATCHFIRE_URL"]
# Browsers bind passkeys to a name.
NAMED = URL.replace("127.0.0.1", "localhost")
LOGIN = "admin@watchfire.local"
SETTINGS = "/watchfire/v1/console-sign-in"


def api(method: str, path: str, body: object = None) -> dict:
    headers = {"Authorization": f"SSWS {os.environ['WATCHFIRE_TOKEN']}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method)) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def key() -> dict:
    made = subprocess.run([os.environ["WATCHFIRE_BIN"], "keygen", "--json"], capture_output=True, text=True, timeout=60)
    if made.returncode != 0:
        expect.fail("a key", made.stderr)
    return json.loads(made.stdout)["keyPair"]


def follow(browser: Chromium, text: str) -> None:
    browser.run("window.left = true")
    browser.click(f"[...document.querySelectorAll('a')].find(a => a.textContent.trim() === {json.dumps(text)})")
    browser.wait(text, "!window.left && document.readyState === 'complete'")


def heading(browser: Chromium) -> str:
    return browser.run("document.querySelector('h1').innerText")


def openid(browser: Chromium) -> None:
    provider = Provider(key())
    oidc = {"name": "Example ID", "issuer": provider.issuer, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET,
            "ownFactor": "TRUST"}
    api("PUT", SETTINGS, {"oidc": oidc})
    browser.open(URL + "/admin/reports/system-log?q=link")
    follow(browser, "Sign in with Example ID")
    expect.equal("the provider leads in, to where one wanted to go", browser.run("location.pathname + location.search"),
                 "/admin/reports/system-log?q=link")
    expect.equal("no code is left in the address", "code=" in browser.run("location.href"), False)
    expect.true("the log has the link", "Link user to an identity provider" in browser.text(), browser.text())
    browser.open(URL + "/admin/settings/administrators")
    expect.true("the administrator is linked", "linked to sub-1" in browser.text())
    browser.open(URL + "/admin/settings/sign-in")
    expect.true("the settings say where the provider sends people back to",
                "/admin/sign-in/oidc/callback" in browser.text())
    expect.equal("the secret is not shown", browser.run("document.getElementById('secret').value"), "")
    browser.choose("factor", "ASK")
    browser.submit({}, "Save")
    expect.true("the form saves", "Saved." in browser.text(), browser.text())
    browser.choose("factor", "TRUST")
    browser.submit({"issuer": provider.issuer + "/nowhere"}, "Save")
    expect.true("a provider that is not there is refused", "Nothing was changed" in browser.text(), browser.text())
    api("PUT", SETTINGS, {"password": False, "oidc": oidc})
    browser.press("Sign out")
    expect.equal("without passwords there is one way in", browser.run("document.querySelectorAll('input').length"), 0)
    provider.nonce = "of another request"
    follow(browser, "Sign in with Example ID")
    expect.true("a wrong answer is refused and explained", "could not be used" in browser.text(), browser.text())
    provider.nonce = None
    provider.person = {"sub": "s", "email": "stranger@example.com", "email_verified": True}
    follow(browser, "Sign in with Example ID")
    expect.true("a stranger is told", "no administrator here has your address" in browser.text(), browser.text())
    api("PUT", SETTINGS, {"oidc": None})


def passkey(browser: Chromium) -> None:
    browser.call("WebAuthn.enable")
    device = browser.call("WebAuthn.addVirtualAuthenticator", options={
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True})["authenticatorId"]
    invited = api("POST", "/watchfire/v1/administrators", {"login": LOGIN, "role": "SUPER_ADMIN"})["invitation"]
    provider = Provider(key())
    oidc = {"name": "Example ID", "issuer": provider.issuer, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET,
            "ownFactor": "TRUST"}
    api("PUT", SETTINGS, {"password": False, "oidc": oidc})
    accept(browser, NAMED + "/admin/invitations/" + invited.rsplit("/", 1)[1])
    expect.equal("without passwords an invitation leads in", browser.run("location.pathname"), "/admin")
    api("PUT", SETTINGS, {"oidc": None})
    browser.open(NAMED + "/admin/settings/passkeys")
    browser.submit({"name": "Laptop"}, "Add passkey")
    expect.true("the passkey is made", "Your passkey works from now on" in browser.text(), browser.text())
    kept = browser.call("WebAuthn.getCredentials", authenticatorId=device)["credentials"]
    expect.equal("the device keeps one, for this name", [c["rpId"] for c in kept], ["localhost"])
    browser.press("Sign out")
    browser.press("Sign in with a passkey")
    expect.equal("it signs in alone", heading(browser), "Overview")
    browser.press("Sign out")
    browser.submit({"login": LOGIN, "password": "correct horse battery"}, "Next")
    browser.press("Use a passkey instead")
    expect.equal("it stands instead of the code", heading(browser), "Overview")
    browser.open(NAMED + "/admin/settings/passkeys")
    browser.submit_labelled("Remove Laptop")
    expect.true("it is taken away", "You have none yet" in browser.text(), browser.text())
    browser.press("Sign out")
    browser.press("Sign in with a passkey")
    expect.true("and signs nobody in any more", "does not sign you in here" in browser.text(), browser.text())


def accept(browser: Chromium, link: str) -> None:
    browser.open(link)
    secret = browser.run("document.querySelector('code.wide').textContent")
    browser.submit({"password": "correct horse battery", "again": "correct horse battery", "code": code(secret)}, "Finish")


def code(secret: str) -> str:
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


def main() -> None:
    browser = Chromium()
    try:
        openid(browser)
        passkey(browser)
        faults = [c for c in browser.complaints if "status of" not in c]
        expect.equal("the browser complains about nothing", faults, [])
    except RuntimeError as error:
        expect.fail("the browser", str(error))
    finally:
        browser.close()
    expect.done()


main()
