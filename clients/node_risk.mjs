// The risk flow by Okta's Node SDK 8.1: risk provider, risk events by private key, System Log.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.WATCHFIRE_CLIENT_TOOLS}/node/`);
const { Client, DefaultRequestExecutor } = require('@okta/okta-sdk-nodejs');

const url = process.env.WATCHFIRE_URL;
const token = process.env.WATCHFIRE_TOKEN;
const scope = 'okta.riskEvents.manage';
const providerName = 'Risk Provider Example';
let passed = 0;

function ok(what, check) {
  check();
  passed += 1;
  console.log(`ok ${passed} - ${what}`);
}

function equal(what, seen, wanted) {
  ok(what, () => assert.deepEqual(seen, wanted));
}

async function refused(what, call, status, errorCode) {
  const error = await call().then(() => assert.fail(`${what}: was not refused`), (thrown) => thrown);
  // The SDK maps over errorCauses: an OktaApiError at all means that it was a list (okta.md 12.3).
  equal(`${what}: ${status} ${errorCode}`, [error.name, error.status, error.errorCode], ['OktaApiError', status, errorCode]);
}

// A request executor that remembers what went out and came back.
class Recorder extends DefaultRequestExecutor {
  calls = [];

  async fetch(request) {
    const response = await super.fetch(request);
    this.calls.push({ url: request.url, headers: request.headers, status: response.status });
    return response;
  }
}

async function main() {
  const admin = new Client({ orgUrl: url, token });
  const pair = await webcrypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  );
  const privateKey = { ...(await webcrypto.subtle.exportKey('jwk', pair.privateKey)), kid: 'node-sdk-key' };
  const clientId = await createServiceApp(admin, privateKey);
  const providerId = await setUpProvider(admin, clientId);
  const recorder = new Recorder();
  const partner = new Client({
    orgUrl: url,
    authorizationMode: 'PrivateKey',
    clientId,
    scopes: scope,
    privateKey: JSON.stringify(privateKey),
    requestExecutor: recorder,
  });
  await sendEvents(partner, recorder);
  await confirmInTheLog(admin, providerId);
  await refusals(admin, partner, recorder);
  await eventProviders(admin);
  await backOff(partner, recorder);
  console.log(`${passed} passed, 0 failed`);
}

async function createServiceApp(admin, { kty, n, e, kid }) {
  // No SDK has a method for this path: the client's own HTTP does it (clients.md 1).
  const created = await admin.http.postJson(`${url}/oauth2/v1/clients`, {
    body: {
      client_name: providerName,
      grant_types: ['client_credentials'],
      response_types: ['token'],
      redirect_uris: ['https://httpbin.org/get'],
      token_endpoint_auth_method: 'private_key_jwt',
      application_type: 'service',
      jwks: { keys: [{ kty, n, e, kid, use: 'sig', alg: 'RS256' }] },
    },
  });
  ok('the client id is one of Okta\'s form', () => assert.match(created.client_id, /^0oa\w{17}$/));
  equal('the key comes back', created.jwks.keys[0].n, n);
  const grant = await admin.applicationApi.grantConsentToScope({
    appId: created.client_id,
    oAuth2ScopeConsentGrant: { issuer: url, scopeId: scope },
  });
  equal('the scope is granted', [grant.scopeId, grant._embedded.scope.id, grant.issuer], [scope, scope, url]);
  return created.client_id;
}

async function setUpProvider(admin, clientId) {
  const providers = await collect(await admin.riskProviderApi.listRiskProviders());
  equal('a fresh org has the default provider only', providers.map((each) => [each.name, each.clientId, each.action]), [
    ['Default ', 'null', 'log_only'],
  ]);
  const { id } = providers[0];
  const instance = { ...providers[0], name: providerName, clientId, action: 'enforce_and_log' };
  await admin.riskProviderApi.replaceRiskProvider({ riskProviderId: id, instance });
  const read = await admin.riskProviderApi.getRiskProvider({ riskProviderId: id });
  equal('the provider reads back', [read.id, read.name, read.clientId, read.action], [
    id, providerName, clientId, 'enforce_and_log',
  ]);
  return id;
}

async function sendEvents(partner, recorder) {
  await partner.riskEventApi.sendRiskEvents({
    instance: [
      {
        timestamp: new Date('2021-01-20T00:00:00.001Z'),
        subjects: [
          { ip: '6.7.6.7', riskLevel: 'LOW', message: 'none' },
          { ip: '1.1.1.1', riskLevel: 'HIGH', message: 'Detected Attack tooling and suspicious activity' },
        ],
      },
    ],
  });
  const [tokenCall, eventCall] = recorder.calls;
  ok('the token request carried a DPoP proof', () => assert.ok(tokenCall.headers.DPoP));
  equal('it was answered all the same', tokenCall.status, 200);
  ok('the token is a plain Bearer token', () => assert.match(eventCall.headers.Authorization, /^Bearer ey/));
  equal('the events are accepted', eventCall.status, 202);
}

// Both ends are given, because a query without them polls and its pages have no end.
async function confirmInTheLog(admin, providerId) {
  const events = await collect(await admin.systemLogApi.listLogEvents({
    filter: 'eventType eq "security.risk.signal.consume"',
    since: new Date(Date.now() - 3_600_000).toISOString(),
    until: new Date(Date.now() + 60_000).toISOString(),
  }));
  equal('one event for one call', events.length, 1);
  const data = events[0].debugContext.debugData;
  equal('the provider in the event', [data.riskSignalProviderId, data.riskSignalProviderName, data.riskSignalProviderAction], [
    providerId, providerName, 'ENFORCE_AND_LOG',
  ]);
  ok('the signals in the event', () => assert.match(data.riskSignalList, /ip=6\.7\.6\.7.*ip=1\.1\.1\.1/));
  equal('their number', data.riskSignalSize, '2');

  const all = await collect(await admin.systemLogApi.listLogEvents({
    limit: 2,
    since: new Date(Date.now() - 3_600_000).toISOString(),
    until: new Date(Date.now() + 60_000).toISOString(),
  }));
  ok('paging by links gives each event once, and ends', () => {
    assert.ok(all.length > 2);
    assert.equal(new Set(all.map((each) => each.uuid)).size, all.length);
  });
}

async function collect(collection) {
  const items = [];
  await collection.each((item) => {
    items.push(item);
    assert.ok(items.length <= 1000, 'the pages do not end');
  });
  return items;
}

async function refusals(admin, partner, recorder) {
  const instance = [{ subjects: [{ ip: '1.2.3.4/32', riskLevel: 'LOW' }] }];
  await refused('a range instead of an address', () => partner.riskEventApi.sendRiskEvents({ instance }), 400, 'E0000001');
  await refused('providers without their scope', async () => collect(await partner.riskProviderApi.listRiskProviders()), 403, 'E0000006');
  const riskProviderId = 'rkp00000000000000000';
  await refused('an unknown provider', () => admin.riskProviderApi.getRiskProvider({ riskProviderId }), 404, 'E0000007');
  const stranger = new Client({ orgUrl: url, token: 'nobody-gave-this-out' });
  await refused('an unknown token', async () => collect(await stranger.riskProviderApi.listRiskProviders()), 401, 'E0000011');
  // A broken token makes the SDK fetch a new one, once, after a 401 (clients.md 4).
  const before = recorder.calls.length;
  partner.oauth.accessToken = {};
  await refused('providers, after a broken token', async () => collect(await partner.riskProviderApi.listRiskProviders()), 403, 'E0000006');
  const statuses = recorder.calls.slice(before).map((call) => call.status);
  equal('Bearer undefined is answered 401, then a token is fetched', statuses, [401, 200, 403]);
}

// Security events providers (okta.md 5); the suite in Python registers one by its metadata.
async function eventProviders(admin) {
  const api = admin.ssfReceiverApi;
  const settings = { issuer: 'https://edr.acme.example', jwks_url: 'https://edr.acme.example/jwks.json' };
  const made = await api.createSecurityEventsProviderInstance({ instance: { name: 'Acme EDR', type: 'acme', settings } });
  equal('a security events provider', [made.name, made.type, made.status], ['Acme EDR', 'acme', 'ACTIVE']);
  const securityEventProviderId = made.id;
  const listed = await collect(await api.listSecurityEventsProviderInstances());
  equal('it is listed', listed.map((each) => each.id), [made.id]);
  const off = await api.deactivateSecurityEventsProviderInstance({ securityEventProviderId });
  const on = await api.activateSecurityEventsProviderInstance({ securityEventProviderId });
  equal('it is switched off and on', [off.status, on.status], ['INACTIVE', 'ACTIVE']);
  const instance = { name: 'Acme EDR 2', type: 'acme', settings };
  const replaced = await api.replaceSecurityEventsProviderInstance({ securityEventProviderId, instance });
  equal('it is replaced', [replaced.id, replaced.name], [made.id, 'Acme EDR 2']);
  await refused('its issuer again', () => api.createSecurityEventsProviderInstance({ instance: { ...instance, name: 'Other' } }), 400, 'E0000001');
  await api.deleteSecurityEventsProviderInstance({ securityEventProviderId });
  await refused('it is gone', () => api.getSecurityEventsProviderInstance({ securityEventProviderId }), 404, 'E0000007');
}

// Two calls of this minute are used up (one was the refused one): the fourth is put off by the SDK (clients.md 6).
async function backOff(partner, recorder) {
  const delays = [];
  recorder.on('backoff', (request, response, requestId, delayMs) => delays.push({ requestId, delayMs }));
  const instance = [{ subjects: [{ ip: '2001:db8::15', riskLevel: 'MEDIUM' }] }];
  await partner.riskEventApi.sendRiskEvents({ instance });
  await partner.riskEventApi.sendRiskEvents({ instance });
  equal('the SDK paused once', delays.length, 1);
  ok('for a minute at most', () => assert.ok(delays[0].delayMs > 0 && delays[0].delayMs <= 62_000));
  ok('and names the request that it repeats', () => assert.match(delays[0].requestId, /^req/));
}

main().catch((error) => {
  // Errors of the SDK have no stack, some not even a message.
  console.log(`not ok - ${error.stack || error.message || JSON.stringify(error)}`);
  console.log(`${passed} passed, 1 failed`);
  process.exit(1);
});
