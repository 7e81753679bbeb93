"""Streams of the System Log into servers that people run: nothing missing, in order, under the ids of the log."""

import asyncio
import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any, Callable

import nats
from nats.js.api import StreamConfig
from py_ocsf_models.events.base_event import BaseEvent
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

import expect
from log_servers import CERTIFICATES, PATIENCE, Nats, Rsyslog, available

URL = os.environ["WATCHFIRE_URL"]
TOKEN = os.environ["WATCHFIRE_TOKEN"]
BINARY = os.environ["WATCHFIRE_BIN"]
WORK = pathlib.Path(os.environ["WATCHFIRE_WORK"])
FOLDER = pathlib.Path(os.environ["LOG_STREAM_DIR"])
STREAMS = "/watchfire/v1/log-streams"
CA = (CERTIFICATES / "ca.crt").read_text()
HOSTILE = ["<13>1 - forged - - - {", "\u202egnp.exe\u2028\u0085", "Ελένη 花子 \u0000"[:-1], "x" * 255]


def main() -> None:
    servers = []
    try:
        ocsf_in_files()
        server = Nats("nats-server", WORK / "nats")
        servers.append(server)
        asyncio.run(jetstream(server))
        if available("rsyslogd"):
            receiver = Rsyslog("rsyslogd", WORK / "rsyslog")
            servers.append(receiver)
            syslog(receiver)
        else:
            print("# rsyslogd is not installed: left out")
    finally:
        for each in servers:
            each.kill()
    expect.done()


def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"SSWS {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def stream(body: dict[str, Any]) -> str:
    status, made = call("POST", STREAMS, body)
    expect.equal(f"the stream {body['name']} is made", (status, made.get("status")), (201, "ACTIVE"))
    return f"{STREAMS}/{made['id']}"


def happen(count: int, names: list[str] | None = None) -> None:
    for number in range(count):
        name = f"Group {time.monotonic_ns()}" if names is None else names[number]
        status, said = call("POST", "/api/v1/groups", {"profile": {"name": name, "description": name * 3}})
        if status != 200:
            expect.fail("a group is made", str(said))


def until(what: str, holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        seen = holds()
        if seen:
            expect.ok(what)
            return seen
        time.sleep(0.05)
    expect.fail(what, f"it never did: {call('GET', STREAMS)[1]}")


def logged(since: str) -> list[tuple[str, str]]:
    """Types and ids of all events from the making of a stream on, in the order of the log."""
    events: list[Any] = []
    after = ""
    while True:
        request = urllib.request.Request(f"{URL}/api/v1/logs?limit=1000&after={after}", headers={"Authorization": f"SSWS {TOKEN}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            page = json.load(answer)
            links = [link for link in answer.headers.get_all("Link", []) if 'rel="next"' in link]
        if not page:
            break
        events += page
        after = links[0].split("after=")[1].split(">")[0].split("&")[0]
    ids = [(event["eventType"], event["uuid"]) for event in events]
    made = [event["target"][0]["id"] if event["target"] else "" for event in events]
    return ids[made.index(since.rsplit("/", 1)[1]) :]


def is_done(path: str) -> Callable[[], bool]:
    def look() -> bool:
        progress = call("GET", path)[1]["progress"]
        return progress["lagEvents"] == 0 and progress["failingSince"] is None and progress["delivered"] > 0

    return look


def fails(path: str) -> Callable[[], str]:
    return lambda: call("GET", path)[1]["progress"]["lastError"]


def ocsf_in_files() -> None:
    path = stream({"name": "OCSF files", "format": "OCSF", "target": {"type": "FILE", "maxBytes": 65536}})
    happen(len(HOSTILE), HOSTILE)
    risks_and_sign_ins()
    until("the files have everything", is_done(path))
    folder = FOLDER / path.rsplit("/", 1)[1]
    files = sorted(folder.glob("system-log-*.jsonl")) + [folder / "system-log.jsonl"]
    text = "".join(file.read_text() for file in files if file.exists())
    # Python's own idea of a line is wider than `\\n`: none of them is in an event.
    lines = text.splitlines()
    expect.equal("every line is one event", [json.loads(line)["metadata"]["uid"] for line in lines], [uid for _, uid in logged(path)])
    classes: dict[int, int] = {}
    for line in lines:
        event = json.loads(line)
        classes[event["class_uid"]] = classes.get(event["class_uid"], 0) + 1
        BaseEvent.model_validate(event)
        expect_type_uid(event)
        if event["class_uid"] == 2004:
            DetectionFinding.model_validate(event)
    expect.ok(f"py-ocsf-models takes all of them: {classes}")
    expect.true("findings and sign-ins are among them", {2004, 3002, 3004} <= classes.keys(), classes)


def expect_type_uid(event: dict[str, Any]) -> None:
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        expect.fail("type_uid", json.dumps(event))


def risks_and_sign_ins() -> None:
    """A vendor's token about a user, and sign-ins of that user: good and bad."""
    login = "jo.lin@example.com"
    settings = {"issuer": os.environ["VENDOR_ISSUER"], "jwks_url": os.environ["VENDOR_JWKS_URL"]}
    call("POST", "/api/v1/security-events-providers", {"name": "Acme EDR", "type": "acme-edr", "settings": settings})
    profile = {"firstName": "Jo", "lastName": "Lin", "email": login, "login": login}
    credentials = {"password": {"value": "correct horse"}}
    call("POST", "/api/v1/users?activate=true", {"profile": profile, "credentials": credentials})
    event = {
        "subject": {"user": {"format": "email", "email": login}},
        "event_timestamp": 1787927290,
        "current_level": "high",
        "previous_level": "none",
    }
    claims = {"events": {"https://schemas.okta.com/secevent/okta/event-type/user-risk-change": event}}
    command = [BINARY, "set", "sign", "--transmitter", os.environ["VENDOR_DIR"], "--audience", URL]
    token = subprocess.run(command, input=json.dumps(claims), capture_output=True, text=True, check=True).stdout.strip()
    request = urllib.request.Request(f"{URL}/security/api/v1/security-events", data=token.encode(), method="POST")
    request.add_header("Content-Type", "application/secevent+jwt")
    with urllib.request.urlopen(request, timeout=30) as answer:
        expect.equal("the vendor's token is taken", answer.status, 202)
    for password in ["wrong", "correct horse"]:
        call("POST", "/api/v1/authn", {"username": login, "password": password})


async def jetstream(server: Nats) -> None:
    server.start()
    import ssl

    context = ssl.create_default_context(cadata=CA)
    url = f"tls://localhost:{server.port}"

    async def connected() -> Any:
        return await nats.connect(url, tls=context, token=Nats.token, max_reconnect_attempts=-1)

    target = {"type": "NATS", "url": url, "caCertificate": CA}
    wrong = stream({"name": "Wrong", "target": {**target, "caCertificate": (CERTIFICATES / "other-ca.crt").read_text()}})
    error = until("a server that no trusted CA vouches for gets nothing", fails(wrong))
    expect.true("which is said", "UnknownIssuer" in error, error)
    call("DELETE", wrong)
    refused = stream({"name": "No token", "target": target})
    error = until("without the token the server refuses", fails(refused))
    expect.true("with its own words", "Authorization Violation" in error, error)
    call("DELETE", refused)
    path = stream({"name": "JetStream", "secret": Nats.token, "target": target})
    error = until("without a stream there nothing counts", fails(path))
    expect.true("and why", "no JetStream stream takes the subject" in error, error)

    client = await connected()
    await client.jetstream().add_stream(StreamConfig(name="WATCHFIRE", subjects=["watchfire.log.>"]))
    happen(30)
    happen(len(HOSTILE), [f"{name} again" for name in HOSTILE[:3]] + ["y" * 255])
    await client.close()
    for _ in range(3):
        happen(10)
        server.kill()
        happen(10)
        until("a server that is gone is noticed", fails(path))
        server.start()
    happen(10)
    until("everything is acknowledged", is_done(path))
    client = await connected()
    state = (await client.jetstream().stream_info("WATCHFIRE")).state
    messages = [await client.jetstream().get_msg("WATCHFIRE", seq) for seq in range(state.first_seq, state.last_seq + 1)]
    await client.close()
    came = [(m.subject.removeprefix("watchfire.log."), m.headers["Nats-Msg-Id"], json.loads(m.data)) for m in messages]
    expect.true("each message has its event's id and type", all((k, i) == (e["eventType"], e["uuid"]) for k, i, e in came))
    wanted = logged(path)
    expect.equal("each event is there once, and none is missing", sorted(i for _, i, _ in came), sorted(i for _, i in wanted))
    for kind in sorted({kind for kind, _ in wanted}):
        in_order = [i for k, i, _ in came if k == kind]
        if in_order != [i for k, i in wanted if k == kind]:
            expect.fail("the order of a subject", kind)
    expect.ok("each subject is in the order of the log")
    call("DELETE", path)


def syslog(receiver: Rsyslog) -> None:
    receiver.start()
    target = {
        "type": "SYSLOG",
        "host": "localhost",
        "port": receiver.port,
        "caCertificate": CA,
        "clientCertificate": (CERTIFICATES / "client.crt").read_text(),
    }
    path = stream({"name": "rsyslog", "target": target, "secret": (CERTIFICATES / "client.key").read_text()})
    happen(20)
    happen(len(HOSTILE), [f"{name} once more" for name in HOSTILE[:3]] + ["z" * 255])
    until("rsyslog has messages", receiver.lines)
    for _ in range(3):
        receiver.kill()
        happen(10)
        until("a receiver that is gone is noticed", fails(path))
        receiver.start()
        happen(10)
    until("everything is settled", is_done(path))
    wanted = [uid for _, uid in logged(path)]
    until("the last one is written", lambda: any(wanted[-1] in line for line in receiver.lines()))
    seen: list[str] = []
    for line in receiver.lines():
        name, priority, structured, content = line.split("|", 3)
        event = json.loads(content)
        if name != "watchfire" or f'uuid="{event["uuid"]}"' not in structured or int(priority) // 8 != 13:
            expect.fail("the fields of a message", line)
        if event["uuid"] not in seen:
            seen.append(event["uuid"])
    expect.equal("rsyslog has every event in its order", seen, wanted)


main()
