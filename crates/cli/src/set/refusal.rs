//! What a receiver's answer means, and what to look at when it is a no (ssf.md 4.1, okta.md 6.5).

use std::time::Duration;

use serde_json::Value;

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `Retry-After`, in seconds.
    pub(super) retry_after: Option<u64>,
    /// `Null` when the body is no JSON.
    pub(super) json: Value,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is delivered; nothing more may be sent.
    Taken { status: u16 },
    /// The same bytes, later.
    Later { wait: Option<Duration>, why: String },
    /// Posting it again changes nothing.
    Refused(Refusal),
}

/// A no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) err: Option<String>,
    pub(super) description: Option<String>,
}

impl Answer {
    /// The retry table of ssf.md 4.1, for somebody who waits at a terminal: what only a change of the
    /// configuration can mend is told at once.
    pub(super) fn outcome(&self) -> Outcome {
        match self.status {
            // The standard has 202; deployed receivers answer other successes, too.
            200..=299 => Outcome::Taken { status: self.status },
            408 | 425 | 429 | 500..=599 => Outcome::Later {
                wait: self.retry_after.map(Duration::from_secs),
                why: format!("the receiver answered {}", self.status),
            },
            status => {
                let text = |member: &str| self.json.get(member).and_then(Value::as_str).map(str::to_owned);
                Outcome::Refused(Refusal {
                    status,
                    err: text("err"),
                    description: text("description"),
                })
            }
        }
    }
}

impl Refusal {
    /// In plain words: what it means, and what to check, with what the token itself says.
    pub(super) fn advice(&self, header: &Value, claims: &Value) -> Vec<String> {
        let said = |from: &Value, member: &str| from.get(member).map_or_else(|| "(none)".to_owned(), Value::to_string);
        let lines: Vec<String> =
            match self.err.as_deref() {
                Some("invalid_issuer") => vec![
                    format!("The receiver has no active provider whose issuer is {}.", said(claims, "iss")),
                    "Compare letter by letter with the provider's settings.issuer: case and a slash at the end count.".into(),
                    "Is the provider ACTIVE? A deactivated one is answered like an unknown one.".into(),
                ],
                Some("invalid_audience") => vec![
                    format!("The receiver does not call itself {}.", said(claims, "aud")),
                    "For an Okta-shaped receiver `aud` is its org URL as clients know it: not the -admin host, no path.".into(),
                    "For a stream it is the stream's `aud`, to the letter.".into(),
                ],
                Some("invalid_key") => {
                    vec![
                format!("The receiver found no key for kid {} and alg {}.", said(header, "kid"), said(header, "alg")),
                "Open the provider's JWKS URL: is that kid in it, with this alg, use `sig` (or none) and nothing private?".into(),
                "It must be served as application/json, and be reachable from the receiver.".into(),
                "After a rotation give the receiver a minute: it asks again at an unknown kid, but not all the time.".into(),
            ]
                }
                Some("authentication_failed") => vec![
                    format!("The key {} is known, and the signature is not by it.", said(header, "kid")),
                    "Was the token changed after it was signed, or does another key pair have the same kid?".into(),
                    "A stream's endpoint says this, too, when its Authorization header is missing or wrong.".into(),
                ],
                Some("invalid_request") => vec![
                    "The token is not what the receiver asks of a Security Event Token.".into(),
                    format!(
                        "It needs typ secevent+jwt (here {}), iss, aud, jti, iat, and events with what the type demands.",
                        said(header, "typ")
                    ),
                    "The description names the claim, in camel case. `watchfire set make` leaves nothing out.".into(),
                ],
                Some("access_denied") => vec![
                    "The receiver knows this provider, and does not take this from it.".into(),
                    "Ask its administrator which event types, subject formats and domains the provider may speak about.".into(),
                ],
                Some("invalid_state") => {
                    vec!["The receiver has not asked for a verification with this state, or has forgotten it.".into()]
                }
                _ => return self.advice_by_status(),
            };
        lines
    }

    fn advice_by_status(&self) -> Vec<String> {
        let line = match self.status {
            301 | 302 | 303 | 307 | 308 => "It points elsewhere, and tokens do not follow: give its final URL.",
            401 | 403 => "It wants other credentials: a stream's endpoint has its own, for --authorization.",
            404 | 405 | 410 => {
                "Nothing takes tokens there: --to is the org URL, without a path; --endpoint is the whole URL of a stream."
            }
            413 => "The token is too long for this receiver.",
            415 => "It does not take application/secevent+jwt: this is no receiver of Security Event Tokens.",
            _ => "This is no answer that RFC 8935 knows; the same token will get it again.",
        };
        vec![line.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(status: u16, json: Value) -> Outcome {
        let retry_after = None;
        Answer {
            status,
            retry_after,
            json,
        }
        .outcome()
    }

    /// ssf.md 4.1 "Transmitter retry semantics"
    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [200, 202, 204] {
            assert_eq!(outcome(status, Value::Null), Outcome::Taken { status });
        }
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(
                matches!(outcome(status, Value::Null), Outcome::Later { wait: None, .. }),
                "{status}"
            );
        }
        for status in [301, 400, 401, 403, 404, 405, 410, 413, 415] {
            assert!(matches!(outcome(status, Value::Null), Outcome::Refused(_)), "{status}");
        }
        let patient = Answer {
            status: 429,
            retry_after: Some(7),
            json: Value::Null,
        };
        assert!(matches!(patient.outcome(), Outcome::Later { wait: Some(wait), .. } if wait == Duration::from_secs(7)));
    }

    #[test]
    fn every_refusal_says_what_to_look_at() {
        let (header, claims) = (
            json!({"kid": "k1", "alg": "RS256", "typ": "JWT"}),
            json!({"iss": "https://issuer.com", "aud": "https://org.example"}),
        );
        let table = [
            (400, "invalid_issuer", "\"https://issuer.com\""),
            (400, "invalid_audience", "\"https://org.example\""),
            (400, "invalid_key", "\"k1\""),
            (400, "authentication_failed", "signature"),
            (400, "invalid_request", "\"JWT\""),
            (400, "access_denied", "administrator"),
            (400, "invalid_state", "verification"),
            (400, "jws_signature_failed", "RFC 8935"),
            (404, "", "--endpoint"),
            (401, "", "--authorization"),
        ];
        for (status, err, expected) in table {
            let Outcome::Refused(refusal) = outcome(status, json!({"err": err, "description": "no"})) else {
                panic!("{err} is a refusal");
            };
            let advice = refusal.advice(&header, &claims).join("\n");
            assert!(advice.contains(expected), "{err}: {advice}");
        }
    }
}
