use std::time::Duration;

use watchfire_app::Challenge;

use super::*;
use crate::testing::json;

const CONTEXT: ErrorContext<'static> = ErrorContext {
    org_url: "https://org.example",
    path: "/api/v1/risk/providers",
    error_id: "oaeTest",
};

/// A status and a code.
type Expected = (u16, &'static str);

/// One of every kind, with its status on the two surfaces and its code there.
fn kinds() -> Vec<(Error, Expected, Expected)> {
    let oauth = Error::OAuth {
        status: 400,
        error: "use_dpop_nonce",
        description: "Authorization server requires nonce in DPoP proof.".to_owned(),
        dpop_nonce: Some("n1".to_owned()),
    };
    let catalogued = Error::Catalogued {
        status: 409,
        code: "E0000195",
        summary: "Api validation failed due to conflict: stream".to_owned(),
        causes: vec!["one".to_owned()],
    };
    let unavailable = Error::Unavailable {
        retry_after: Duration::from_millis(1_500),
    };
    let forbidden = |needed_scope| Error::Forbidden { needed_scope };
    vec![
        (
            Error::invalid("name", "The field is too long"),
            (400, "E0000001"),
            (400, "invalid_request"),
        ),
        (Error::Malformed, (400, "E0000003"), (400, "invalid_request")),
        (
            Error::not_found("rkpXXXX", "RiskProvider"),
            (404, "E0000007"),
            (404, "E0000007"),
        ),
        (
            Error::Unauthenticated(Challenge::Missing),
            (401, "E0000011"),
            (401, "invalid_client"),
        ),
        (
            Error::Unauthenticated(Challenge::InvalidToken("The token has expired.")),
            (401, "E0000011"),
            (401, "invalid_client"),
        ),
        (
            Error::Unauthenticated(Challenge::DpopRequired("The resource request requires a DPoP proof.")),
            (400, "invalid_request"),
            (401, "invalid_client"),
        ),
        (forbidden(None), (403, "E0000006"), (403, "access_denied")),
        (forbidden(Some("okta.logs.read")), (403, "E0000006"), (403, "access_denied")),
        (Error::AuthenticationFailed, (401, "E0000004"), (401, "invalid_client")),
        (Error::RateLimited, (429, "E0000047"), (429, "E0000047")),
        (catalogued, (409, "E0000195"), (409, "E0000195")),
        (oauth, (400, "use_dpop_nonce"), (400, "use_dpop_nonce")),
        (unavailable, (503, "E0000009"), (503, "temporarily_unavailable")),
        (Error::internal("the cause"), (500, "E0000009"), (500, "server_error")),
    ]
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn every_kind_has_its_answer_on_every_surface() {
    for (error, okta, oauth) in kinds() {
        for (surface, (status, code)) in [(Surface::Okta, okta), (Surface::OAuth, oauth)] {
            let response = surface.render(&error, &CONTEXT);
            assert_eq!(response.status(), status, "{error:?} {surface:?}");
            assert_eq!(header(&response, "content-type"), "application/json", "{error:?} {surface:?}");
            let body = json(response).await;
            if let Some(found) = body["errorCode"].as_str() {
                assert_eq!(found, code, "{error:?} {surface:?}");
                assert_eq!((&body["errorLink"], &body["errorId"]), (&code.into(), &"oaeTest".into()));
                assert!(body["errorCauses"].is_array() && body["errorSummary"].is_string(), "{body}");
            } else {
                assert_eq!(body["error"], code, "{error:?} {surface:?}");
                assert!(body["error_description"].is_string(), "{body}");
            }
        }
    }
}

#[tokio::test]
async fn no_answer_tells_what_broke_inside() {
    for surface in [Surface::Okta, Surface::OAuth] {
        let body = json(surface.render(&Error::internal("secret path"), &CONTEXT))
            .await
            .to_string();
        assert!(!body.contains("secret") && body.contains("oaeTest"), "{body}");
    }
}

#[tokio::test]
async fn texts_are_the_contracts() {
    let summary = async |error: Error| json(Surface::Okta.render(&error, &CONTEXT)).await["errorSummary"].clone();
    assert_eq!(
        summary(Error::not_found("rkpXXXX", "RiskProvider")).await,
        "Not found: Resource not found: rkpXXXX (RiskProvider)"
    );
    assert_eq!(
        summary(Error::invalid("name", "The field cannot be left blank")).await,
        "Api validation failed: name"
    );
    let body = json(Surface::Okta.render(&Error::invalid("name", "The field cannot be left blank"), &CONTEXT)).await;
    assert_eq!(
        body["errorCauses"],
        serde_json::json!([{"errorSummary": "name: The field cannot be left blank"}])
    );
    assert_eq!(
        body.to_string(),
        r#"{"errorCode":"E0000001","errorSummary":"Api validation failed: name","errorLink":"E0000001","errorId":"oaeTest","errorCauses":[{"errorSummary":"name: The field cannot be left blank"}]}"#
    );
}

#[test]
fn challenges_are_what_the_go_client_reads() {
    let challenge = |error: Error| header(&Surface::Okta.render(&error, &CONTEXT), "www-authenticate").to_owned();
    assert_eq!(
        challenge(Error::Forbidden {
            needed_scope: Some("okta.riskProviders.manage")
        }),
        r#"Bearer authorization_uri="https://org.example/oauth2/v1/authorize", realm="https://org.example", scope="okta.riskProviders.manage", error="insufficient_scope", error_description="The access token provided does not contain the required scopes.", resource="/api/v1/risk/providers""#
    );
    let expired = Error::Unauthenticated(Challenge::InvalidToken("The token has expired."));
    assert!(
        challenge(expired)
            .ends_with(r#"error="invalid_token", error_description="The token has expired.", resource="/api/v1/risk/providers""#)
    );
    let missing = challenge(Error::Unauthenticated(Challenge::Missing));
    assert!(
        missing.contains(r#"error="invalid_request", error_description="The access token is missing.""#),
        "{missing}"
    );
    assert!(challenge(Error::Unauthenticated(Challenge::DpopRequired("x"))).starts_with("DPoP "));
    assert_eq!(challenge(Error::Forbidden { needed_scope: None }), "");
}

#[test]
fn oauth_errors_are_not_stored_and_carry_their_nonce() {
    for (error, ..) in kinds() {
        let response = Surface::OAuth.render(&error, &CONTEXT);
        assert_eq!(header(&response, "cache-control"), "no-cache, no-store", "{error:?}");
    }
    for surface in [Surface::Okta, Surface::OAuth] {
        let nonce = kinds()
            .into_iter()
            .find(|(error, ..)| matches!(error, Error::OAuth { .. }))
            .expect("one");
        assert_eq!(header(&surface.render(&nonce.0, &CONTEXT), "dpop-nonce"), "n1");
    }
}

#[test]
fn a_retry_is_never_told_too_early() {
    for surface in [Surface::Okta, Surface::OAuth] {
        for (wait, seconds) in [(0, "1"), (1_000, "1"), (1_001, "2"), (60_000, "60")] {
            let retry_after = Duration::from_millis(wait);
            let response = surface.render(&Error::Unavailable { retry_after }, &CONTEXT);
            assert_eq!(header(&response, "retry-after"), seconds);
        }
    }
}

#[test]
fn a_status_that_is_none_becomes_500() {
    for (number, expected) in [(400, 400), (599, 599), (200, 500), (99, 500), (1_000, 500)] {
        assert_eq!(status(number), expected);
    }
}

#[test]
fn registration_answers_as_management_does() {
    assert_eq!(Surface::of("/oauth2/v1/token"), Surface::OAuth);
    assert_eq!(Surface::of("/oauth2/v1/clients/0oa1"), Surface::Okta);
    assert_eq!(Surface::of("/api/v1/logs"), Surface::Okta);
}
