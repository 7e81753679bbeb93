"""The third-party risk guide, step by step, by Okta's Python SDK 3.0.0: the only one that has the risk API."""

import asyncio
import json
import os
from datetime import datetime, timezone
from typing import Any

from jwcrypto import jwk
from okta.client import Client
from okta.models import OAuth2ScopeConsentGrant, RiskEvent, RiskEventSubject, RiskProviderAction

import expect

URL = os.environ["WATCHFIRE_URL"]
TOKEN = os.environ["WATCHFIRE_TOKEN"]
PROVIDER_NAME = "Risk Provider Example"
SCOPE = "okta.riskEvents.manage"


async def main() -> None:
    admin = Client({"orgUrl": URL, "token": TOKEN})
    pair = jwk.JWK.generate(kty="RSA", size=2048, use="sig", alg="RS256", kid="python-sdk-key")
    client_id = await create_service_app(admin, json.loads(pair.export_public()))
    await grant_scope(admin, client_id)
    provider_id = await set_up_provider(admin, client_id)
    partner = partner_client(client_id, pair.export(), [SCOPE])
    await send_events(partner)
    await confirm_in_the_log(admin, client_id, provider_id)
    await refusals(admin, partner, client_id, pair.export())
    await back_off(partner)
    expect.done()


def partner_client(client_id: str, private_key: str, scopes: list[str]) -> Client:
    # The key goes in as a string, and a token must be there although it is never used (clients.md 4).
    return Client(
        {
            "orgUrl": URL,
            "authorizationMode": "PrivateKey",
            "clientId": client_id,
            "scopes": scopes,
            "privateKey": private_key,
            "token": "unused",
        }
    )


async def call(client: Client, method: str, path: str, body: Any = None) -> tuple:
    """A call for which the SDK has no method: its generic executor. Answers as its methods do."""
    executor = client.get_request_executor()
    request, error = await executor.create_request(method, path, body)
    if error:
        return (None, error)
    result = await executor.execute(request)
    if result[-1] is not None:
        return (None, result[-1])
    response, text, _ = result
    return (json.loads(text) if text else None, response, None)


async def create_service_app(admin: Client, public_key: dict[str, Any]) -> str:
    body = {
        "client_name": PROVIDER_NAME,
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "redirect_uris": ["https://httpbin.org/get"],
        "token_endpoint_auth_method": "private_key_jwt",
        "application_type": "service",
        "jwks": {"keys": [public_key]},
    }
    created = expect.answer("create the service app", await call(admin, "POST", "/oauth2/v1/clients", body), 201)
    client_id = created["client_id"]
    expect.true("the client id is one of Okta's form", client_id.startswith("0oa") and len(client_id) == 20, client_id)
    expect.equal("the client's name", created["client_name"], PROVIDER_NAME)
    key = created["jwks"]["keys"][0]
    expect.equal("the key comes back", {name: key[name] for name in public_key}, public_key)
    expect.true("no secret is made for private_key_jwt", "client_secret" not in created, created)
    listed = expect.answer("list the service apps", await call(admin, "GET", "/oauth2/v1/clients?limit=200"), 200)
    expect.true("the app is listed", client_id in [each["client_id"] for each in listed], listed)
    read = expect.answer("read the service app", await call(admin, "GET", f"/oauth2/v1/clients/{client_id}"), 200)
    expect.equal("the app reads back as it was created", read, created)
    return client_id


async def grant_scope(admin: Client, client_id: str) -> None:
    wanted = OAuth2ScopeConsentGrant(issuer=URL, scope_id=SCOPE)
    grant = expect.answer("grant the scope", await admin.grant_consent_to_scope(client_id, wanted), 201)
    expect.equal("the scope in the answer", grant.embedded.scope.id, SCOPE)
    expect.equal("the client of the grant", (grant.client_id, grant.scope_id, grant.issuer), (client_id, SCOPE, URL))
    listed = expect.answer("list the grants", await admin.list_scope_consent_grants(client_id, expand="scope"), 200)
    expect.equal("one grant is listed", [each.id for each in listed], [grant.id])


async def set_up_provider(admin: Client, client_id: str) -> str:
    providers = expect.answer("list the providers", await admin.list_risk_providers(), 200)
    seen = [(each.name, each.client_id, each.action.value) for each in providers]
    expect.equal("a fresh org has the default provider only", seen, [("Default ", "null", "log_only")])
    # The SDK's own model goes back, with id, _links, created and lastUpdated in it (clients.md 5).
    provider = providers[0]
    provider.name = PROVIDER_NAME
    provider.client_id = client_id
    provider.action = RiskProviderAction.ENFORCE_AND_LOG
    replaced = expect.answer("replace the provider", await admin.replace_risk_provider(provider.id, provider), 200)
    read = expect.answer("read the provider", await admin.get_risk_provider(provider.id), 200)
    for what, each in (("replaced", replaced), ("read", read)):
        seen = (each.id, each.name, each.client_id, each.action.value)
        expect.equal(f"the provider as {what}", seen, (provider.id, PROVIDER_NAME, client_id, "enforce_and_log"))
    expect.true("it was updated after it was created", read.last_updated > read.created, read)
    expect.equal("its link", read.links.var_self.href, f"{URL}/api/v1/risk/providers/{provider.id}")
    return provider.id


async def send_events(partner: Client) -> None:
    event = RiskEvent(
        timestamp=datetime(2021, 1, 20, 0, 0, 0, 1000, tzinfo=timezone.utc),
        subjects=[
            RiskEventSubject(ip="6.7.6.7", risk_level="LOW", message="none"),
            RiskEventSubject(
                ip="1.1.1.1", risk_level="HIGH", message="Detected Attack tooling and suspicious activity"
            ),
        ],
    )
    result = await partner.send_risk_events([event])
    expect.answer("send the guide's risk events", result, 202)
    headers = {name.lower(): value for name, value in result[1].headers.items()}
    expect.equal("the limit of three calls a minute is told", headers.get("x-rate-limit-limit"), "3")
    expect.equal("two calls are left", headers.get("x-rate-limit-remaining"), "2")


async def confirm_in_the_log(admin: Client, client_id: str, provider_id: str) -> None:
    # 3.0.0 cannot parse any System Log (clients.md 8), so the executor reads it.
    path = "/api/v1/logs?filter=eventType%20eq%20%22security.risk.signal.consume%22&limit=10"
    events = expect.answer("read the System Log", await call(admin, "GET", path), 200)
    expect.equal("one event for one call", len(events), 1)
    event = events[0]
    data = event["debugContext"]["debugData"]
    expect.equal(
        "the provider in the event",
        (data["riskSignalProviderId"], data["riskSignalProviderName"], data["riskSignalProviderAction"]),
        (provider_id, PROVIDER_NAME, "ENFORCE_AND_LOG"),
    )
    expect.equal("the size of the list", data["riskSignalSize"], "2")
    expect.true("the first signal", "ip=6.7.6.7" in data["riskSignalList"], data["riskSignalList"])
    expect.true("the second signal", "ip=1.1.1.1" in data["riskSignalList"], data["riskSignalList"])
    expect.equal("the actor is the app", (event["actor"]["id"], event["outcome"]["result"]), (client_id, "SUCCESS"))


async def refusals(admin: Client, partner: Client, client_id: str, private_key: str) -> None:
    # (An empty address cannot be sent: the SDK drops empty values.)
    blank = [{"subjects": [{"ip": " ", "riskLevel": "LOW"}]}]
    result = await call(partner, "POST", "/api/v1/risk/events/ip", blank)
    expect.refused("a blank address", result, 400, "E0000001")
    expect.refused("the log without its scope", await call(partner, "GET", "/api/v1/logs"), 403, "E0000006")
    expect.refused("an unknown provider", await admin.get_risk_provider("rkp00000000000000000"), 404, "E0000007")
    stranger = Client({"orgUrl": URL, "token": "00-nobody-gave-this-out"})
    expect.refused("an unknown token", await stranger.list_risk_providers(), 401, "E0000011")
    beyond = partner_client(client_id, private_key, ["okta.users.manage"])
    error = (await beyond.list_risk_providers())[-1]
    expect.true("a scope that was not granted gives no token", error is not None and "400" in str(error.message), error)


async def back_off(partner: Client) -> None:
    """Calls two and three of this minute are used up (one was the refused one); the next must be put off by the SDK
    until the limit is reset, and then be taken (clients.md 6)."""
    executor = partner.get_request_executor()
    pauses: list[float] = []
    pause = executor.pause_for_backoff

    async def recorded(seconds: float) -> None:
        pauses.append(seconds)
        await pause(seconds)

    executor.pause_for_backoff = recorded
    event = RiskEvent(subjects=[RiskEventSubject(ip="2001:db8::15", risk_level="MEDIUM")])
    expect.answer("the third call of the minute", await partner.send_risk_events([event]), 202)
    expect.answer("the fourth call, after a pause", await partner.send_risk_events([event]), 202)
    expect.true("the SDK paused once, a minute at most", len(pauses) == 1 and 0 < pauses[0] <= 62, pauses)


asyncio.run(main())
