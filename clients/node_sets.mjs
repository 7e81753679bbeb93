// Security events providers and tokens by Okta's Node SDK 8.1.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.WATCHFIRE_CLIENT_TOOLS}/node/`);
const { Client } = require('@okta/okta-sdk-nodejs');

const url = process.env.WATCHFIRE_URL;
const token = process.env.WATCHFIRE_TOKEN;
const endpoint = `${url}/security/api/v1/security-events`;
let passed = 0;

function ok(what, check) {
  check();
  passed += 1;
  console.log(`ok ${passed} - ${what}`);
}

function equal(what, seen, wanted) {
  ok(what, () => assert.deepEqual(seen, wanted));
}

function watchfire(args, input) {
  return execFileSync(process.env.WATCHFIRE_BIN, args, { input, encoding: 'utf8' }).trim();
}

function riskChange(email) {
  const claims = watchfire(['set', 'make', '--event', 'user-risk-change', '--user-email', email, '--level', 'high', '--audience', url]);
  return watchfire(['set', 'sign', '--transmitter', process.env.VENDOR_DIR], claims);
}

async function main() {
  const client = new Client({ orgUrl: url, token });
  const settings = { well_known_url: process.env.VENDOR_WELL_KNOWN_URL };
  const instance = { name: 'Acme CASB', type: 'acme-casb', settings };
  const provider = await client.ssfReceiverApi.createSecurityEventsProviderInstance({ instance });
  ok('the provider is made', () => assert.match(provider.id, /^sse/));
  equal('issuer and key set are those of the document', [provider.settings.issuer, provider.settings.jwks_url], [
    process.env.VENDOR_ISSUER, process.env.VENDOR_JWKS_URL,
  ]);
  const securityEventProviderId = provider.id;
  const listed = [];
  await (await client.ssfReceiverApi.listSecurityEventsProviderInstances()).each((each) => { listed.push(each.id); });
  equal('it is listed', listed, [provider.id]);

  const profile = { firstName: 'Jo', lastName: 'Lin', email: 'jo.lin@example.com', login: 'jo.lin@example.com' };
  const user = await client.userApi.createUser({ body: { profile }, activate: false });

  // The generated method throws before anything is sent (clients.md 9); whoever needs it uses the SDK's http client.
  await assert.rejects(client.ssfSecurityEventTokenApi.publishSecurityEventTokens({ securityEventToken: riskChange(profile.email) }));
  const request = { method: 'post', headers: { 'Content-Type': 'application/secevent+jwt' }, body: riskChange(profile.email) };
  const sent = await client.http.http(endpoint, request);
  equal('the token is accepted', [sent.status, await sent.text()], [202, '']);

  const filter = 'eventType eq "security.events.provider.receive_event" or eventType eq "user.risk.detect"';
  const events = [];
  const until = new Date(Date.now() + 60_000).toISOString();
  const since = new Date(Date.now() - 3_600_000).toISOString();
  await (await client.systemLogApi.listLogEvents({ filter, since, until })).each((event) => { events.push(event); });
  equal('both events are in the log', events.map((event) => event.eventType).sort(), [
    'security.events.provider.receive_event', 'user.risk.detect',
  ]);
  ok('about the user', () => events.forEach((event) => assert.ok(event.target.some((target) => target.id === user.id))));

  await client.ssfReceiverApi.deactivateSecurityEventsProviderInstance({ securityEventProviderId });
  const refused = await client.http.http(endpoint, { ...request, body: riskChange(profile.email) }).catch((error) => error);
  equal('a deactivated provider is not heard', refused.status, 400);
  await client.ssfReceiverApi.activateSecurityEventsProviderInstance({ securityEventProviderId });
  await client.ssfReceiverApi.deleteSecurityEventsProviderInstance({ securityEventProviderId });
  const gone = await client.ssfReceiverApi.getSecurityEventsProviderInstance({ securityEventProviderId }).catch((error) => error);
  equal('a deleted one is gone', [gone.status, gone.errorCode], [404, 'E0000007']);
}

main().then(
  () => console.log(`${passed} passed, 0 failed`),
  (error) => {
    // Errors of the SDK have no stack, some not even a message.
    console.log(`not ok - ${error.stack || error.message || JSON.stringify(error)}`);
    console.log(`${passed} passed, 1 failed`);
    process.exit(1);
  },
);
