"""The pictures of the README: the console of an organisation that has something to look at."""

import json
import os
import urllib.request
from pathlib import Path

import expect
from chromium import Chromium

URL = os.environ["WATCHFIRE_URL"]
LAPTOP = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"
OTHER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
USER = "user7@example.com"
HOME, ATTACKER = "198.51.100.20", "203.0.113.77"


def api(method: str, path: str, body: object = None) -> dict | list:
    headers = {"Authorization": f"SSWS {os.environ['WATCHFIRE_TOKEN']}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method)) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def sign_in(ip: str, user_agent: str, outcome: str | None) -> str:
    asked = api("POST", "/watchfire/v1/sign-ins", {"user": {"login": USER}, "client": {"ipAddress": ip, "userAgent": user_agent}})
    if outcome:
        api("POST", f"/watchfire/v1/sign-ins/{asked['id']}/outcome", {"result": outcome})
    return asked["id"]


def take(browser: Chromium, folder: Path) -> None:
    """Somebody with a history, a provider that speaks of an address, and a sign-in from there."""
    provider = api("GET", "/api/v1/risk/providers")
    provider = next(it for it in provider if "Synthetic" not in it["id"])
    api("PUT", f"/api/v1/risk/providers/{provider['id']}", {"name": "Acme Threat Intelligence", "clientId": "null", "action": "enforce_and_log"})
    for _ in range(25):
        sign_in(HOME, LAPTOP, "SUCCESS")
    api("POST", "/api/v1/risk/events/ip", [{"subjects": [{"ip": ATTACKER, "riskLevel": "HIGH", "message": "Credential stuffing node"}]}])
    attack = sign_in(ATTACKER, OTHER, None)
    for number, level in ((7, "HIGH"), (11, "HIGH"), (31, "MEDIUM"), (52, "MEDIUM"), (90, "LOW")):
        user = api("GET", f"/api/v1/users/user{number}@example.com")["id"]
        api("PUT", f"/api/v1/users/{user}/risk", {"riskLevel": level, "riskReason": "Malware found on the device"})
    browser.open(URL + "/admin?range=7d")
    browser.wait("every hour", "!document.body.innerText.includes('still being counted') || (location.reload(), false)")
    pictures = [
        ("overview", "/admin?range=7d", False),
        ("system-log", "/admin/reports/system-log?range=24h&q=Partner+reported+risk", True),
        ("sign-in", f"/admin/risk/sign-ins/{attack}", False),
        ("addresses", "/admin/risk/addresses", True),
    ]
    for name, path, dark in pictures:
        browser.open(URL + path)
        browser.picture(str(folder / f"{name}.png"), 1180, dark, 760)
        size = (folder / f"{name}.png").stat().st_size
        expect.true(f"{name} is small", size < 150_000, size)
