"""A receiver of Security Event Tokens as a typical team would write it: FastAPI, PyJWT, sqlite3."""

import json
import os
import sqlite3
import uuid
from datetime import datetime, timezone
from pathlib import Path

import jwt
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
USER_RISK_CHANGE = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change"

db = sqlite3.connect(os.environ["DB"], isolation_level=None)
db.executescript(Path(os.environ["SCHEMA"]).read_text())
db.execute("BEGIN")
db.executemany("INSERT INTO users (email) VALUES (?)", ((f"user{n}@bench.example",) for n in range(int(os.environ["USERS"]))))
db.execute("COMMIT")
KEYS = {key.key_id: key for key in jwt.PyJWKSet.from_json(os.environ["JWKS"]).keys}
app = FastAPI()


def log(kind: str, severity: str, claims: dict, user: tuple, ip: str, transaction: str, receipt: str, now: str, more: dict) -> None:
    user_id, email, _ = user
    detail = json.dumps({
        "displayMessage": kind, "actor": {"id": claims["iss"], "type": "SecurityEventsProvider"}, "client": {"ipAddress": ip},
        "target": [{"id": str(user_id), "type": "User", "alternateId": email}], "debugContext": {"debugData": more}})
    seq = db.execute(
        "INSERT INTO log (uuid, published, event_type, severity, outcome, actor_id, client_ip, transaction_id, receipt_id, detail) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (str(uuid.uuid4()), now, kind, severity, "SUCCESS", claims["iss"], ip, transaction, receipt, detail)).lastrowid
    db.execute("INSERT INTO log_targets VALUES (?, ?)", (str(user_id), seq))
    words = " ".join([kind, claims["iss"], email, ip, *(str(value) for value in more.values())])
    db.execute("INSERT INTO log_words (rowid, words) VALUES (?, ?)", (seq, words))


def accept(claims: dict, body: str, ip: str) -> None:
    new = db.execute("INSERT INTO seen (issuer, jti) VALUES (?, ?) ON CONFLICT DO NOTHING", (claims["iss"], claims["jti"])).rowcount
    if not new:
        return
    now, receipt = datetime.now(timezone.utc).isoformat(), str(uuid.uuid4())
    db.execute("INSERT INTO receipts VALUES (?, ?, ?, ?)", (receipt, claims["iss"], now, body))
    change = claims["events"].get(USER_RISK_CHANGE)
    user = change and db.execute("SELECT id, email, risk FROM users WHERE email = ?", (change["subject"]["user"]["email"],)).fetchone()
    if not user:
        return
    level, reason = change["current_level"].upper(), change.get("reason_admin", {}).get("en")
    db.execute("INSERT INTO causes VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET level = excluded.level, "
               "reason = excluded.reason, since = excluded.since", (user[0], claims["iss"], level, reason, now))
    if level != user[2]:
        db.execute("UPDATE users SET risk = ? WHERE id = ?", (level, user[0]))
    transaction = str(uuid.uuid4())
    more = {"jti": claims["jti"], "level": level, "previousLevel": user[2], "reason": reason}
    for kind, severity in (("security.events.provider.receive_event", "INFO"), ("user.risk.detect", "WARN"),
                           ("policy.entity_risk.evaluate", "INFO")):
        log(kind, severity, claims, user, ip, transaction, receipt, now, more)


@app.post("/security/api/v1/security-events")
async def receive(request: Request) -> Response:
    body = (await request.body()).decode()
    try:
        head = jwt.get_unverified_header(body)
        if head.get("typ", "").lower() != "secevent+jwt":
            raise jwt.InvalidTokenError("typ")
        claims = jwt.decode(body, KEYS[head["kid"]], algorithms=["RS256", "ES256"], issuer=ISSUER, audience=AUDIENCE,
                            options={"require": ["jti", "iat", "events"]})
    except (jwt.PyJWTError, KeyError) as error:
        return JSONResponse({"err": "invalid_request", "description": str(error)}, 400)
    db.execute("BEGIN IMMEDIATE")
    try:
        accept(claims, body, request.client.host)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return Response(status_code=202)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)
