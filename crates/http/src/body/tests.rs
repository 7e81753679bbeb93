use axum::{Json, Router, body::Body, response::Response, routing};
use bytes::Bytes;
use http::Request;
use hyper::body::Frame;
use serde_json::{Value, json};

use super::*;
use crate::{
    Site,
    error::OAuthError,
    testing::{json, send, site},
};

fn echo() -> Site {
    let form = |form: FormOrQuery| async move {
        let get = |name: &str| form.get(name).unwrap_or("-").to_owned();
        Ok::<_, OAuthError>(Json(json!([get("grant_type"), get("scope"), get("client_assertion")])))
    };
    site(
        Router::new()
            .route(
                "/api/v1/value",
                routing::post(|JsonBody(value): JsonBody<Value>| async { Json(value) }),
            )
            .route(
                "/api/v1/number",
                routing::post(|JsonBody(value): JsonBody<u8>| async move { Json(value) }),
            )
            .route(
                "/api/v1/maybe",
                routing::post(|body: Option<JsonBody<Value>>| async move { Json(body.is_some()) }),
            )
            .route("/oauth2/v1/token", routing::post(form)),
    )
}

async fn post(path: &str, content_type: Option<&str>, body: impl Into<Body>) -> (u16, Value) {
    let mut request = Request::post(path);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let response: Response = send(&echo(), request.body(body.into()).expect("a request")).await;
    (response.status().as_u16(), json(response).await)
}

#[tokio::test]
async fn takes_json_under_any_of_its_names() {
    for content_type in [
        None,
        Some(""),
        Some("application/json"),
        Some("Application/JSON; charset=utf-8"),
        Some("application/scim+json"),
    ] {
        assert_eq!(
            post("/api/v1/value", content_type, "[1]").await,
            (200, json!([1])),
            "{content_type:?}"
        );
    }
}

#[tokio::test]
async fn looks_at_the_content_type_only_when_there_is_a_body() {
    for content_type in [
        None,
        Some("application/octet-stream"),
        Some("application/json"),
        Some("text/html"),
    ] {
        assert_eq!(
            post("/api/v1/maybe", content_type, "").await,
            (200, json!(false)),
            "{content_type:?}"
        );
        let (status, body) = post("/api/v1/value", content_type, "").await;
        assert_eq!((status, &body["errorCode"]), (400, &json!("E0000003")), "{content_type:?}");
    }
    for content_type in ["application/octet-stream", "text/plain", "application/x-www-form-urlencoded"] {
        let (status, body) = post("/api/v1/value", Some(content_type), "{}").await;
        assert_eq!((status, &body["errorCode"]), (400, &json!("E0000021")), "{content_type}");
    }
}

#[tokio::test]
async fn refuses_what_is_no_json() {
    let deep = "[".repeat(900);
    for body in [
        "{",
        "{}x",
        "\u{feff}{}",
        "nul",
        "NaN",
        "'a'",
        " ",
        r#"{"a":1,"a":1}"#,
        r#"[{"a":{"b":1,"b":2}}]"#,
        &deep,
    ] {
        let (status, answer) = post("/api/v1/value", Some("application/json"), body.to_owned()).await;
        assert_eq!((status, &answer["errorCode"]), (400, &json!("E0000003")), "{body}");
    }
    let (status, _) = post("/api/v1/value", Some("application/json"), &b"\"\xff\""[..]).await;
    assert_eq!(status, 400);
    assert_eq!(post("/api/v1/number", None, "256").await.0, 400);
    assert_eq!(post("/api/v1/number", None, "255").await, (200, json!(255)));
}

#[tokio::test]
async fn refuses_a_body_past_the_limit_with_and_without_its_length() {
    let long = format!("\"{}\"", "a".repeat(1023));
    let (status, answer) = post("/api/v1/value", None, long.clone()).await;
    assert_eq!((status, &answer["errorCode"]), (413, &json!("E0000003")));
    assert_eq!(answer["errorCauses"][0]["errorSummary"], "The request body is too long");
    let (status, answer) = post("/oauth2/v1/token", None, long).await;
    assert_eq!((status, answer["errorCauses"].is_array()), (413, true));
    assert_eq!(post("/api/v1/value", None, format!("\"{}\"", "a".repeat(1022))).await.0, 200);
}

/// A body that never ends.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn refuses_a_body_that_does_not_come() {
    let (status, answer) = post("/api/v1/value", None, Body::new(Endless)).await;
    assert_eq!((status, &answer["errorCode"]), (408, &json!("E0000003")));
}

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

#[tokio::test]
async fn merges_form_and_query_and_the_body_wins() {
    let all = json!(["client_credentials", "a b", "x.y.z"]);
    for (query, body) in [
        ("", "grant_type=client_credentials&scope=a+b&client_assertion=x.y.z"),
        ("?grant_type=client_credentials&scope=a%20b", "client_assertion=x.y.z"),
        (
            "?grant_type=client_credentials&scope=a+b&client_assertion=x.y.z",
            "client_assertion=x.y.z",
        ),
        ("?grant_type=client_credentials&scope=a+b&client_assertion=x.y.z", ""),
        (
            "?grant_type=password&scope=c",
            "grant_type=client_credentials&scope=a+b&client_assertion=x.y.z",
        ),
    ] {
        let path = format!("/oauth2/v1/token{query}");
        assert_eq!(post(&path, FORM, body).await, (200, all.clone()), "{query} {body}");
    }
    let with_charset = Some("application/x-www-form-urlencoded;charset=UTF-8");
    assert_eq!(
        post("/oauth2/v1/token", with_charset, "scope=&grant_type=a").await,
        (200, json!(["a", "-", "-"]))
    );
}

#[tokio::test]
async fn refuses_forms_with_the_contracts_words() {
    let many = (0..65).map(|n| format!("p{n}=")).collect::<Vec<_>>().join("&");
    for (query, content_type, body, description) in [
        (
            "",
            FORM,
            "scope=a&scope=a",
            "The request contained multiple parameters with the same name.",
        ),
        (
            "?scope=a&scope=a",
            FORM,
            "",
            "The request contained multiple parameters with the same name.",
        ),
        (
            "?client_secret=x",
            FORM,
            "",
            "Client credentials cannot be supplied via query parameters.",
        ),
        ("", FORM, many.as_str(), "The request contained too many parameters."),
        (
            "",
            Some("application/json"),
            "{}",
            "Accept and/or Content-Type headers likely do not match supported values.",
        ),
    ] {
        let (status, answer) = post(&format!("/oauth2/v1/token{query}"), content_type, body.to_owned()).await;
        assert_eq!(status, 400, "{query} {body}");
        assert_eq!(
            answer,
            json!({"error": "invalid_request", "error_description": description}),
            "{query} {body}"
        );
    }
    assert_eq!(post("/oauth2/v1/token?scope=a", Some("application/json"), "").await.0, 200);
}
