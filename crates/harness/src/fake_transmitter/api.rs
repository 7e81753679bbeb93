//! Its HTTP side.

use std::{
    collections::HashMap,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{BEARER, CLIENT_ID, CLIENT_SECRET, Inner, RemoteStream, Scripted, VERIFICATION};

type Fake = State<Weak<Inner>>;

pub(super) fn router(inner: Weak<Inner>) -> Router {
    Router::new()
        .route("/.well-known/ssf-configuration", get(inserted))
        .route("/.well-known/ssf-configuration/{*path}", get(inserted))
        .route("/{tenant}/.well-known/ssf-configuration", get(appended))
        .route("/.well-known/oauth-authorization-server", get(authorization_server))
        .route("/jwks", get(jwks))
        .route("/token", post(token))
        .route("/streams", any(streams))
        .route("/status", any(status))
        .route("/verify", post(verify))
        .route("/subjects/add", post(add_subject))
        .route("/subjects/remove", post(remove_subject))
        .route("/poll/{id}", post(poll))
        .with_state(inner)
}

fn up(fake: &Weak<Inner>) -> Result<Arc<Inner>, Response> {
    fake.upgrade().ok_or_else(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn error(status: u16, description: &str) -> Response {
    answer(status, &json!({"err": "invalid_request", "description": description}))
}

async fn inserted(State(fake): Fake) -> Result<Response, Response> {
    let inner = up(&fake)?;
    if inner.rough.lock().appended_metadata {
        return Err(StatusCode::NOT_FOUND.into_response());
    }
    Ok(answer(200, &metadata(&inner)))
}

async fn appended(State(fake): Fake) -> Result<Response, Response> {
    let inner = up(&fake)?;
    if !inner.rough.lock().appended_metadata {
        return Err(StatusCode::NOT_FOUND.into_response());
    }
    Ok(answer(200, &metadata(&inner)))
}

fn metadata(inner: &Inner) -> Value {
    let base = &inner.base;
    let mut document = json!({
        "spec_version": "1_0", "issuer": inner.issuer(), "jwks_uri": format!("{base}/jwks"),
        "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
        "configuration_endpoint": format!("{base}/streams"),
        "status_endpoint": format!("{base}/status"),
        "verification_endpoint": format!("{base}/verify"),
        "add_subject_endpoint": format!("{base}/subjects/add"),
        "remove_subject_endpoint": format!("{base}/subjects/remove"),
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
    });
    let rough = inner.rough.lock();
    if let Some(members) = document.as_object_mut() {
        members.retain(|name, _| !rough.without_endpoints.contains(&name.as_str()));
    }
    document
}

async fn authorization_server(State(fake): Fake) -> Result<Response, Response> {
    let inner = up(&fake)?;
    let base = &inner.base;
    Ok(answer(
        200,
        &json!({"issuer": base, "token_endpoint": format!("{base}/token")}),
    ))
}

async fn jwks(State(fake): Fake) -> Result<Response, Response> {
    let inner = up(&fake)?;
    Ok(answer(200, &json!({"keys": [inner.key.public_jwk()]})))
}

async fn token(State(fake): Fake, headers: HeaderMap, body: Bytes) -> Result<Response, Response> {
    let inner = up(&fake)?;
    inner.tokens.fetch_add(1, Ordering::SeqCst);
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let basic = headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok())
        .unwrap_or_default();
    // Both parts are form-encoded before they are put together (RFC 6749 section 2.3.1).
    let by_basic = basic == "Basic d2F0Y2hmaXJlOnMzY3JldCUyRndpdGglMkJzaWducw==";
    let by_body = text("client_id") == CLIENT_ID && text("client_secret") == CLIENT_SECRET;
    let by_assertion = text("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let refused = |error: &str| answer(400, &json!({ "error": error }));
    if text("grant_type") != "client_credentials" || text("scope").is_empty() {
        return Err(refused("invalid_request"));
    }
    if !(by_basic || by_body || by_assertion) {
        return Err(answer(401, &json!({"error": "invalid_client"})));
    }
    let life = inner.rough.lock().token_life.unwrap_or(3_600);
    let mut state = inner.state.lock();
    if by_assertion {
        state.assertions.push(text("client_assertion").to_owned());
    }
    state.next += 1;
    let token = format!("token-{}", state.next);
    state.tokens.push(token.clone());
    Ok(answer(
        200,
        &json!({"access_token": token, "token_type": "Bearer", "expires_in": life}),
    ))
}

/// Notes a call, lets only those in that may, and gives the answer that was scripted for it.
fn admit(inner: &Inner, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Value, Response> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok())
        .unwrap_or_default();
    let mut state = inner.state.lock();
    state.calls.push((method.to_string(), path, body.clone()));
    let token = shown.strip_prefix("Bearer ").unwrap_or_default();
    if token != BEARER && !state.tokens.iter().any(|known| known == token) {
        return Err(error(401, "no such token"));
    }
    drop(state);
    match inner.rough.lock().statuses.pop_front() {
        Some(200) | None => Ok(body),
        Some(status) => Err(error(status, "scripted")),
    }
}

async fn streams(
    State(fake): Fake,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let inner = up(&fake)?;
    let body = admit(&inner, &method, &uri, &headers, &body)?;
    let id = query.get("stream_id").cloned();
    match method {
        Method::POST => create(&inner, &body).await,
        Method::GET => Ok(read(&inner, id.as_deref())),
        Method::PATCH if inner.rough.lock().put_only => Err(StatusCode::METHOD_NOT_ALLOWED.into_response()),
        Method::PATCH | Method::PUT => Ok(update(&inner, &body)),
        Method::DELETE => {
            let status = inner.rough.lock().delete_status.unwrap_or(204);
            if status < 300 || status == 404 {
                inner.state.lock().streams.remove(&id.unwrap_or_default());
            }
            Ok(StatusCode::from_u16(status).unwrap_or_default().into_response())
        }
        _ => Err(StatusCode::METHOD_NOT_ALLOWED.into_response()),
    }
}

async fn create(inner: &Arc<Inner>, body: &Value) -> Result<Response, Response> {
    let rough = inner.rough.lock().clone();
    if rough.one_stream && !inner.state.lock().streams.is_empty() {
        return Err(error(409, "there is one already"));
    }
    let method = body["delivery"]["method"].as_str().unwrap_or_default();
    if rough.risc_only != method.contains("risc") {
        return Err(error(400, "unsupported delivery method"));
    }
    let id = {
        let mut state = inner.state.lock();
        state.next += 1;
        let id = format!("stream-{}", state.next);
        let stream = configure(inner, &rough, &id, body, RemoteStream::default());
        state.streams.insert(id.clone(), stream);
        id
    };
    if rough.verify_on_create {
        push_verification(inner, &id, "early", &json!({"state": null})).await;
    }
    if rough.create_hangs {
        std::future::pending::<()>().await;
    }
    let status = rough.create_status.unwrap_or(201);
    if status == 202 {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    Ok(answer(status, &inner.state.lock().streams[&id].configuration))
}

/// What a stream is after a receiver has said what it shall be.
fn configure(inner: &Inner, rough: &super::Rough, id: &str, body: &Value, old: RemoteStream) -> RemoteStream {
    let delivery = &body["delivery"];
    let is_poll = delivery["method"].as_str().unwrap_or_default().ends_with("poll") || delivery["method"] == "urn:ietf:rfc:8936";
    let endpoint = if is_poll {
        json!(format!("{}/poll/{id}", inner.base))
    } else {
        delivery["endpoint_url"].clone()
    };
    let null_or = |value: &Value| if rough.nulls { Value::Null } else { value.clone() };
    let mut configuration = json!({
        "stream_id": id, "iss": inner.issuer(), "aud": ["https://org.example/ssf"],
        "events_requested": null_or(&body["events_requested"]),
        "events_delivered": null_or(&body["events_requested"]),
        "delivery": {"method": delivery["method"], "endpoint_url": endpoint},
        "description": null_or(&body["description"]),
        "min_verification_interval": 0,
    });
    if let Some(timeout) = rough.inactivity_timeout {
        configuration["inactivity_timeout"] = json!(timeout);
    }
    RemoteStream {
        configuration,
        authorization_header: delivery["authorization_header"].as_str().map(str::to_owned),
        status: if old.status.is_empty() {
            "enabled".to_owned()
        } else {
            old.status.clone()
        },
        ..old
    }
}

fn read(inner: &Inner, id: Option<&str>) -> Response {
    let state = inner.state.lock();
    match id {
        Some(id) => match state.streams.get(id) {
            Some(stream) => answer(200, &stream.configuration),
            None => error(404, "no such stream"),
        },
        None => {
            let all: Vec<&Value> = state.streams.values().map(|it| &it.configuration).collect();
            if inner.rough.lock().list_is_object && all.len() == 1 {
                return answer(200, all[0]);
            }
            answer(200, &json!(all))
        }
    }
}

fn update(inner: &Inner, body: &Value) -> Response {
    let rough = inner.rough.lock().clone();
    let id = body["stream_id"].as_str().unwrap_or_default().to_owned();
    let mut state = inner.state.lock();
    let Some(old) = state.streams.get(&id).cloned() else {
        return error(404, "no such stream");
    };
    let new = configure(inner, &rough, &id, body, old);
    state.streams.insert(id, new.clone());
    if rough.update_later {
        return StatusCode::ACCEPTED.into_response();
    }
    answer(200, &new.configuration)
}

async fn status(
    State(fake): Fake,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let inner = up(&fake)?;
    let body = admit(&inner, &method, &uri, &headers, &body)?;
    let rough = inner.rough.lock().clone();
    let id = query
        .get("stream_id")
        .map(String::as_str)
        .or(body["stream_id"].as_str())
        .unwrap_or_default();
    let mut state = inner.state.lock();
    let Some(stream) = state.streams.get_mut(id) else {
        return Err(error(404, "no such stream"));
    };
    if method == Method::POST {
        stream.status = body["status"].as_str().unwrap_or_default().to_owned();
        if rough.update_later {
            return Ok(StatusCode::ACCEPTED.into_response());
        }
    }
    Ok(answer(
        200,
        &json!({"stream_id": id, "status": stream.status, "reason": body["reason"]}),
    ))
}

async fn verify(State(fake): Fake, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Result<Response, Response> {
    let inner = up(&fake)?;
    let body = admit(&inner, &method, &uri, &headers, &body)?;
    let id = body["stream_id"].as_str().unwrap_or_default().to_owned();
    let rough = inner.rough.lock().clone();
    let event = match rough.stateless {
        Some(event) => event,
        None => json!({"state": body["state"]}),
    };
    let jti = format!("verification-{}", inner.state.lock().calls.len());
    push_verification(&inner, &id, &jti, &event).await;
    let status = rough.verify_status.unwrap_or(204);
    Ok(StatusCode::from_u16(status).unwrap_or_default().into_response())
}

/// Pushes a verification, or lets it wait to be polled.
async fn push_verification(inner: &Arc<Inner>, id: &str, jti: &str, event: &Value) {
    let stream = inner.state.lock().streams.get(id).cloned().unwrap_or_default();
    let subject = json!({"format": "opaque", "id": id});
    let told = inner.rough.lock().issued_at;
    let iat = told.unwrap_or(super::super::clock::START.as_seconds());
    let Ok(token) = inner.sign(jti, iat, &stream.configuration["aud"], VERIFICATION, event.clone(), subject) else {
        return;
    };
    if let Some(stream) = inner.state.lock().streams.get_mut(id) {
        stream.queue.push_back((jti.to_owned(), token.clone()));
    }
    inner.woken.notify_waiters();
    // A stream that is polled has nowhere to push to.
    let _ = inner.push(id, &token).await;
}

async fn add_subject(State(fake): Fake, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Result<Response, Response> {
    let inner = up(&fake)?;
    let body = admit(&inner, &method, &uri, &headers, &body)?;
    let id = body["stream_id"].as_str().unwrap_or_default();
    let mut state = inner.state.lock();
    let Some(stream) = state.streams.get_mut(id) else {
        return Err(error(404, "no such stream"));
    };
    stream.subjects.push(body["subject"].clone());
    // AMB-12: some say 204.
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn remove_subject(
    State(fake): Fake,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let inner = up(&fake)?;
    let body = admit(&inner, &method, &uri, &headers, &body)?;
    let id = body["stream_id"].as_str().unwrap_or_default();
    let mut state = inner.state.lock();
    let Some(stream) = state.streams.get_mut(id) else {
        return Err(error(404, "no such stream"));
    };
    stream.subjects.retain(|it| *it != body["subject"]);
    Ok(StatusCode::OK.into_response())
}

/// How long a poll is held (POLL-06).
const HOLD: Duration = Duration::from_secs(30);

async fn poll(
    State(fake): Fake,
    Path(id): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let inner = up(&fake)?;
    inner.polls.fetch_add(1, Ordering::SeqCst);
    let body = admit(&inner, &method, &uri, &headers, &body)?;
    let scripted = {
        let mut rough = inner.rough.lock();
        rough.polls.pop_front().or_else(|| rough.every_poll.clone())
    };
    match scripted {
        Some(Scripted::Status(status, retry_after)) => {
            let mut response = error(status, "scripted");
            if let Some(value) = retry_after.and_then(|it| it.parse().ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
            return Err(response);
        }
        Some(Scripted::Body(text)) => {
            inner.brought.send_modify(|count| *count += 1);
            return Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text).into_response());
        }
        Some(Scripted::Hang) => std::future::pending().await,
        None => {}
    }
    let max = body["maxEvents"]
        .as_u64()
        .and_then(|it| usize::try_from(it).ok())
        .unwrap_or(50);
    let waits = body["returnImmediately"] != true && max > 0;
    let until = tokio::time::Instant::now() + HOLD;
    acknowledge(&inner, &id, &body);
    // What is waited for must not keep the transmitter alive.
    drop(inner);
    loop {
        let inner = up(&fake)?;
        let woken = inner.woken.notified();
        let (sets, more) = {
            let state = inner.state.lock();
            let Some(stream) = state.streams.get(&id) else {
                return Err(error(404, "no such stream"));
            };
            let sets: serde_json::Map<String, Value> = stream
                .queue
                .iter()
                .take(max)
                .map(|(jti, token)| (jti.clone(), token.clone().into()))
                .collect();
            (sets, max > 0 && stream.queue.len() > max)
        };
        if !sets.is_empty() || !waits || tokio::time::Instant::now() >= until {
            if !sets.is_empty() {
                inner.brought.send_modify(|count| *count += 1);
            }
            let mut answered = json!({ "sets": sets });
            if more {
                answered["moreAvailable"] = json!(true);
            }
            return Ok(answer(200, &answered));
        }
        let _ = tokio::time::timeout(Duration::from_millis(200), woken).await;
    }
}

fn acknowledge(inner: &Inner, id: &str, body: &Value) {
    let mut state = inner.state.lock();
    let Some(stream) = state.streams.get_mut(id) else { return };
    for jti in body["ack"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        stream.acked.push(jti.to_owned());
        stream.queue.retain(|(waiting, _)| waiting != jti);
    }
    for (jti, error) in body["setErrs"].as_object().into_iter().flatten() {
        stream
            .refused
            .push((jti.clone(), error["err"].as_str().unwrap_or_default().to_owned()));
        stream.queue.retain(|(waiting, _)| waiting != jti);
    }
}
