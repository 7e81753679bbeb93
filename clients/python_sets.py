"""Security Event Tokens as real senders post them (clients.md 9): Okta's Python SDK 3.4, requests, curl."""

import asyncio
import json
import os
import pathlib
import subprocess
from typing import Any

import requests
from okta.client import Client

import expect

URL = os.environ["WATCHFIRE_URL"]
TOKEN = os.environ["WATCHFIRE_TOKEN"]
BINARY = os.environ["WATCHFIRE_BIN"]
WORK = pathlib.Path(os.environ["WATCHFIRE_WORK"])
ENDPOINT = f"{URL}/security/api/v1/security-events"
LOGIN = "jo.lin@example.com"
OKTA = "https://schemas.okta.com/secevent/okta/event-type"


async def main() -> None:
    set_up()
    await by_the_sdk()
    as_netskope_does()
    by_curl()
    as_others_do()
    refusals()
    # Netskope's example has two events (one log entry each, clients.md 9), all others one.
    expect.equal("every event is in the log once", len(received()), 8)
    expect.done()


def admin(method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, URL + path, json=body, headers={"Authorization": f"SSWS {TOKEN}"}, timeout=30)


def set_up() -> None:
    settings = {"issuer": os.environ["VENDOR_ISSUER"], "jwks_url": os.environ["VENDOR_JWKS_URL"]}
    provider = {"name": "Acme EDR", "type": "acme-edr", "settings": settings}
    expect.equal("the provider is made", admin("POST", "/api/v1/security-events-providers", provider).status_code, 200)
    profile = {"firstName": "Jo", "lastName": "Lin", "email": LOGIN, "login": LOGIN}
    expect.equal("the user is made", admin("POST", "/api/v1/users?activate=false", {"profile": profile}).status_code, 200)


def received() -> list[dict[str, Any]]:
    query = 'filter=eventType eq "security.events.provider.receive_event"&limit=1000'
    answer = admin("GET", f"/api/v1/logs?{query}")
    expect.equal("the log is read", answer.status_code, 200)
    return answer.json()


def sign(claims: dict[str, Any]) -> str:
    command = [BINARY, "set", "sign", "--transmitter", os.environ["VENDOR_DIR"], "--audience", URL]
    return subprocess.run(command, input=json.dumps(claims), capture_output=True, text=True, check=True).stdout.strip()


def risk_change(level: str, **members: Any) -> dict[str, Any]:
    event = {
        "subject": {"user": {"format": "email", "email": LOGIN}},
        "event_timestamp": 1787927290,
        "current_level": level,
        "previous_level": "none",
        **members,
    }
    return {"events": {f"{OKTA}/user-risk-change": event}}


async def by_the_sdk() -> None:
    """The body is the token as a JSON string; the header is `SSWS<token>`, which nobody reads (clients.md 9 b)."""
    before = len(received())
    for what, client in [
        ("an administrator's SDK", Client({"orgUrl": URL, "token": TOKEN})),
        ("an SDK with a wrong token", Client({"orgUrl": URL, "token": "nobody-gave-this-out"})),
    ]:
        expect.answer(what, await client.publish_security_event_tokens(sign(risk_change("high"))), 202)
    expect.equal("both are in the log", len(received()), before + 2)
    client = Client({"orgUrl": URL, "token": TOKEN})
    broken = sign(risk_change("high"))[:-4] + "AAAA"
    error = (await client.publish_security_event_tokens(broken))[-1]
    expect.true("a refusal reaches the SDK's caller, with the reason", "authentication_failed" in f"{error} {vars(error)}", error)


def as_netskope_does() -> None:
    """`requests.post(json=token)` under the SET's own type; a fraction in event_timestamp, previous_level none."""
    token = sign(risk_change("medium", event_timestamp=1787927290.482))
    headers = {"Content-Type": "application/secevent+jwt", "User-Agent": "netskope-ce-6.1.0"}
    expect.equal("a fraction of a second", requests.post(ENDPOINT, json=token, headers=headers, timeout=30).status_code, 202)
    both = risk_change("high")
    both["events"][f"{OKTA}/ip-change"] = {
        "subject": {"user": {"format": "email", "email": LOGIN}},
        "event_timestamp": 1787927290,
        "current_ip_address": "198.51.100.7",
        "previous_ip_address": "192.0.2.44",
    }
    before = len(received())
    expect.equal("two events in one token", requests.post(ENDPOINT, json=sign(both), timeout=30).status_code, 202)
    expect.equal("are two entries of the log", len(received()), before + 2)


def by_curl() -> None:
    """A file that ends with a newline (clients.md 9 d)."""
    token = sign(risk_change("low"))
    file = WORK / "token.jwt"
    file.write_text(token + "\n")
    command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--data-binary", f"@{file}"]
    posted = subprocess.run([*command, ENDPOINT], capture_output=True, text=True, check=True).stdout
    expect.equal("curl --data-binary @file", posted, "202")
    before = len(received())
    expect.equal("the same once more", requests.post(ENDPOINT, data=token, timeout=30).status_code, 202)
    expect.equal("leaves no trace", len(received()), before)


def as_others_do() -> None:
    """SGNL: a bearer token that means nothing here, and the subject without `user`. Postman: text/plain."""
    event = {"subject": {"format": "email", "email": LOGIN}, "event_timestamp": 1787927290482}
    claims = {"events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": event}}
    headers = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30.", "Content-Type": "application/secevent+jwt"}
    answer = requests.post(ENDPOINT, data=sign(claims), headers=headers, timeout=30)
    expect.equal("a bare subject, a foreign bearer, milliseconds", answer.status_code, 202)
    headers = {"Content-Type": "text/plain"}
    answer = requests.post(ENDPOINT, data=sign(risk_change("secure")), headers=headers, timeout=30)
    expect.equal("text/plain", (answer.status_code, answer.text), (202, ""))
    stranger = risk_change("high", subject={"user": {"format": "email", "email": "nobody@example.com"}})
    expect.equal("nobody's address", requests.post(ENDPOINT, data=sign(stranger), timeout=30).status_code, 202)


def refusals() -> None:
    for what, claims, err in [
        ("another issuer", {**risk_change("high"), "iss": "https://other.example"}, "invalid_issuer"),
        ("another audience", {**risk_change("high"), "aud": "https://other.example"}, "invalid_audience"),
        ("a level that is none", risk_change("hgih"), "invalid_request"),
        ("an entity that is none", risk_change("high", initiating_entity="robot"), "invalid_request"),
    ]:
        answer = requests.post(ENDPOINT, data=sign(claims), timeout=30)
        body = answer.json()
        expect.equal(what, (answer.status_code, body["err"], sorted(body)), (400, err, ["description", "err"]))
        expect.equal(f"{what}: headers", (answer.headers["content-type"], answer.headers["content-language"]), ("application/json", "en"))
    expect.equal("GET", requests.get(ENDPOINT, timeout=30).status_code, 405)


asyncio.run(main())
