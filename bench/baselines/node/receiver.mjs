// A receiver of Security Event Tokens as a typical team would write it: Express, jose, better-sqlite3.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import Database from "better-sqlite3";
import express from "express";
import { createLocalJWKSet, jwtVerify } from "jose";

const { PORT, JWKS, ISSUER, AUDIENCE, DB, USERS, SCHEMA } = process.env;
const USER_RISK_CHANGE = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";

const db = new Database(DB);
db.exec(readFileSync(SCHEMA, "utf8"));
const addUser = db.prepare("INSERT INTO users (email) VALUES (?)");
db.transaction(() => {
  for (let n = 0; n < Number(USERS); n++) addUser.run(`user${n}@bench.example`);
})();

const keys = createLocalJWKSet(JSON.parse(JWKS));
const remember = db.prepare("INSERT INTO seen (issuer, jti) VALUES (?, ?) ON CONFLICT DO NOTHING");
const keep = db.prepare("INSERT INTO receipts (id, issuer, received, body) VALUES (?, ?, ?, ?)");
const userOf = db.prepare("SELECT id, email, risk FROM users WHERE email = ?");
const cause = db.prepare("INSERT INTO causes VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET level = excluded.level, "
  + "reason = excluded.reason, since = excluded.since");
const setRisk = db.prepare("UPDATE users SET risk = ? WHERE id = ?");
const log = db.prepare("INSERT INTO log (uuid, published, event_type, severity, outcome, actor_id, client_ip, transaction_id, "
  + "receipt_id, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
const target = db.prepare("INSERT INTO log_targets VALUES (?, ?)");
const words = db.prepare("INSERT INTO log_words (rowid, words) VALUES (?, ?)");

function event(type, severity, actor, user, ip, transaction, receipt, now, more) {
  const detail = {
    displayMessage: type, actor: { id: actor, type: "SecurityEventsProvider" }, client: { ipAddress: ip },
    target: [{ id: String(user.id), type: "User", alternateId: user.email }], debugContext: { debugData: more },
  };
  const { lastInsertRowid } = log.run(randomUUID(), now, type, severity, "SUCCESS", actor, ip, transaction, receipt,
    JSON.stringify(detail));
  target.run(String(user.id), lastInsertRowid);
  words.run(lastInsertRowid, `${type} ${actor} ${user.email} ${ip} ${Object.values(more).join(" ")}`);
}

const accept = db.transaction((claims, body, ip) => {
  if (remember.run(claims.iss, claims.jti).changes === 0) return;
  const now = new Date().toISOString();
  const receipt = randomUUID();
  keep.run(receipt, claims.iss, now, body);
  const change = claims.events[USER_RISK_CHANGE];
  const user = change && userOf.get(change.subject.user.email);
  if (!user) return;
  const level = change.current_level.toUpperCase();
  cause.run(user.id, claims.iss, level, change.reason_admin?.en, now);
  if (level !== user.risk) setRisk.run(level, user.id);
  const transaction = randomUUID();
  const more = { jti: claims.jti, level, previousLevel: user.risk, reason: change.reason_admin?.en };
  event("security.events.provider.receive_event", "INFO", claims.iss, user, ip, transaction, receipt, now, more);
  event("user.risk.detect", "WARN", claims.iss, user, ip, transaction, receipt, now, more);
  event("policy.entity_risk.evaluate", "INFO", claims.iss, user, ip, transaction, receipt, now, more);
});

const app = express();
app.use(express.text({ type: "application/secevent+jwt" }));
app.post("/security/api/v1/security-events", async (request, response) => {
  let verified;
  try {
    verified = await jwtVerify(request.body, keys, {
      issuer: ISSUER, audience: AUDIENCE, typ: "secevent+jwt", algorithms: ["RS256", "ES256"], requiredClaims: ["jti", "iat", "events"],
    });
  } catch (error) {
    response.status(400).json({ err: "invalid_request", description: error.message });
    return;
  }
  accept(verified.payload, request.body, request.socket.remoteAddress);
  response.status(202).end();
});
app.listen(Number(PORT), "127.0.0.1");
