//! What can be asked of any installation: spelling, reach, time, keys, the token.

use http::{Method, StatusCode};
use serde_json::Value;
use watchfire_app::Clock as _;
use watchfire_crypto::jwk::{Algorithm, KeySet};
use watchfire_model::time::Timestamp;

use super::finding::Finding;
use crate::{
    api::{Answer, Api, escape, text},
    system::SystemClock,
};

/// The guides' troubleshooting tips about the org URL.
pub(super) fn url(given: &str) -> Finding {
    let fault = |found: String, advice: &str| Finding::fault("url", found, advice);
    if given.contains(['"', '\'']) {
        return fault(format!("[{given}] has quotes in it"), "Take the quotes away.");
    }
    if given.trim() != given {
        return fault(format!("[{given}] has blanks around it"), "Take the blanks away.");
    }
    let host = url::Url::parse(given)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    if host.split('.').next().is_some_and(|label| label.ends_with("-admin")) {
        return fault(
            format!("{given} is an admin URL"),
            "Leave \"-admin\" out: clients need the org URL.",
        );
    }
    if given.ends_with('/') {
        return Finding::warning(
            "url",
            format!("{given} ends with a slash"),
            "Leave the slash out: clients put their paths behind the URL.",
        );
    }
    Finding::well("url", given)
}

/// The same about the token; the value is not repeated.
pub(super) fn token(given: Option<&str>) -> Finding {
    let Some(token) = given else {
        let advice = "Set WATCHFIRE_TOKEN to an administrator's API token.";
        return Finding::warning("token", "there is none, so only what everybody may see is checked", advice);
    };
    let fault = |found: &str, advice: &str| Finding::fault("token", found, advice);
    if token.contains(['"', '\'']) {
        return fault("it has quotes in it", "Take the quotes away: they are not part of the token.");
    }
    if token.trim() != token {
        return fault("it has blanks or line ends around it", "Take them away.");
    }
    if token.starts_with("SSWS ") || token.starts_with("Bearer ") {
        return fault(
            "it begins with the name of its scheme",
            "Give the token alone: SSWS and Bearer are put in front of it.",
        );
    }
    Finding::well("token", "spelled as a token is")
}

/// Seconds between the clocks from which on assertions are refused (okta.md 1.3.2).
const MAX_SKEW: i64 = 60;
/// Seconds between the clocks that are worth a word.
const NOTABLE_SKEW: i64 = 5;

pub(super) async fn reachable(api: &Api) -> Vec<Finding> {
    let before = SystemClock.now();
    let answer = match api.anonymous().send(Method::GET, "/readyz", None).await {
        Ok(answer) => answer,
        Err(error) => {
            let advice = "Look whether the server runs, and whether the URL has the right scheme, host and port.";
            return vec![Finding::fault("reachable", format!("{error:#}"), advice)];
        }
    };
    let ready = match answer.status {
        StatusCode::OK => Finding::well("reachable", format!("{} is ready", api.base())),
        StatusCode::NOT_FOUND => Finding::fault(
            "reachable",
            "something answers that is not Watchfire",
            "Check the port, and the paths that a proxy in front passes on.",
        ),
        status => Finding::fault(
            "reachable",
            format!("it answers, but is not ready ({status})"),
            "Look at the server's log: usually its disk is full or its database is locked.",
        ),
    };
    vec![ready, clock(&answer, before)]
}

fn clock(answer: &Answer, before: Timestamp) -> Finding {
    let theirs = answer.header("date").and_then(http_date);
    let Some(theirs) = theirs else {
        return Finding::warning(
            "clock",
            "the answer has no Date",
            "A proxy must pass Date on: SDKs need it to wait out a rate limit.",
        );
    };
    // The header has whole seconds, and the answer took some time.
    let (earliest, latest) = (before.as_seconds() - 1, SystemClock.now().as_seconds());
    let off = if theirs < earliest {
        earliest - theirs
    } else {
        (theirs - latest).max(0)
    };
    if off > MAX_SKEW {
        let found = format!("this machine and the server differ by {off} seconds");
        return Finding::fault(
            "clock",
            found,
            "Set both clocks by NTP: client assertions are refused when clocks differ by a minute.",
        );
    }
    if off > NOTABLE_SKEW {
        let found = format!("this machine and the server differ by {off} seconds");
        return Finding::warning("clock", found, "Set both clocks by NTP.");
    }
    Finding::well("clock", "this machine and the server agree")
}

/// Seconds since 1970 of an RFC 9110 date, `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = text.split(' ').skip(1);
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    Timestamp::parse(&format!("{year}-{month:02}-{day}T{time}Z"))
        .ok()
        .map(Timestamp::as_seconds)
}

pub(super) async fn issuer(api: &Api) -> Finding {
    let metadata = match api.anonymous().get("/.well-known/oauth-authorization-server").await {
        Ok(metadata) => metadata,
        Err(error) => {
            let advice = "A proxy in front must pass /.well-known and /oauth2 on.";
            return Finding::fault("public-url", format!("no metadata: {error:#}"), advice);
        }
    };
    let issuer = text(&metadata, "issuer");
    if issuer == api.base() {
        return Finding::well("public-url", format!("the server calls itself {issuer}"));
    }
    Finding::fault(
        "public-url",
        format!("it is reached as {}, but calls itself {issuer}", api.base()),
        format!(
            "Use {issuer}, or start the server with --public-url {}: assertions are made for that URL.",
            api.base()
        ),
    )
}

pub(super) async fn keys(api: &Api) -> Finding {
    let advice = "Look at the server's log: without keys nobody can check its tokens.";
    let jwks = match api.anonymous().get("/oauth2/v1/keys").await {
        Ok(jwks) => jwks,
        Err(error) => return Finding::fault("keys", format!("no keys: {error:#}"), advice),
    };
    match KeySet::parse(&jwks, &[Algorithm::Rs256]) {
        Ok(set) if !set.is_empty() && set.rejected().is_empty() => {
            Finding::well("keys", format!("{} published for RS256", set.keys().len()))
        }
        Ok(set) => Finding::fault(
            "keys",
            format!("{} usable, {} broken", set.keys().len(), set.rejected().len()),
            advice,
        ),
        Err(error) => Finding::fault("keys", error.to_string(), advice),
    }
}

/// Part of the calls of a minute under which it is worth a word.
const FEW_CALLS: i64 = 10;

pub(super) async fn token_accepted(api: &Api) -> Vec<Finding> {
    let answer = match api.send(Method::GET, "/api/v1/risk/providers", None).await {
        Ok(answer) => answer,
        Err(error) => return vec![Finding::fault("token-accepted", format!("{error:#}"), "Ask again.")],
    };
    let finding = match answer.status {
        StatusCode::OK => Finding::well("token-accepted", "it may read the risk providers"),
        StatusCode::UNAUTHORIZED => Finding::fault(
            "token-accepted",
            "the server does not know it (401)",
            "It is mistyped, revoked, expired, or of another server. Make a new one: watchfire token create NAME.",
        ),
        StatusCode::FORBIDDEN => Finding::fault(
            "token-accepted",
            "it may not read the risk providers (403)",
            "Use an administrator's API token, or grant okta.riskProviders.read.",
        ),
        StatusCode::TOO_MANY_REQUESTS => Finding::fault(
            "token-accepted",
            "it has used up its calls (429)",
            "Wait a minute, or start the server with a higher --api-calls-per-minute.",
        ),
        status => Finding::fault(
            "token-accepted",
            format!("the server answered {status}"),
            "Look at the server's log.",
        ),
    };
    vec![finding, rate(&answer)]
}

fn rate(answer: &Answer) -> Finding {
    let number = |name: &str| answer.header(name).and_then(|value| value.parse::<i64>().ok());
    match (
        number("x-rate-limit-limit"),
        number("x-rate-limit-remaining"),
        number("x-rate-limit-reset"),
    ) {
        (Some(limit), Some(remaining), Some(_)) if remaining * FEW_CALLS < limit => Finding::warning(
            "rate-limits",
            format!("{remaining} of {limit} calls left in this minute"),
            "Find out who calls so often, or start the server with a higher --api-calls-per-minute.",
        ),
        (Some(limit), Some(remaining), Some(_)) => {
            Finding::well("rate-limits", format!("{remaining} of {limit} calls left in this minute"))
        }
        (None, None, None) => Finding::well("rate-limits", "switched off"),
        _ => Finding::warning(
            "rate-limits",
            "only some of the X-Rate-Limit headers arrive",
            "A proxy must pass all three on: SDKs need them to back off.",
        ),
    }
}

/// Providers that failed to get a token lately: the commonest fault of a new integration.
pub(super) async fn refused_tokens(api: &Api) -> Finding {
    const CHECK: &str = "token-requests";
    let filter = escape("eventType sw \"app.oauth2.token.grant\" and outcome.result eq \"FAILURE\"");
    let since = SystemClock.now().minus(std::time::Duration::from_secs(24 * 3600));
    let path = format!(
        "/api/v1/logs?filter={filter}&since={}&sortOrder=DESCENDING&limit=100",
        escape(&since.to_string())
    );
    let events = match api.get(&path).await {
        Ok(Value::Array(events)) => events,
        Ok(_) => return Finding::skipped(CHECK, "the log answered no list"),
        Err(error) => return Finding::skipped(CHECK, format!("the log cannot be read: {error:#}")),
    };
    let Some(last) = events.first() else {
        return Finding::well(CHECK, "none refused in the last day");
    };
    let part = |pointer: &str| last.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    Finding::warning(
        CHECK,
        format!(
            "{} refused in the last day, the last of {} for {}",
            events.len(),
            part("/actor/alternateId"),
            part("/outcome/reason")
        ),
        "The assertion's key must be registered, its aud the token endpoint, its exp within the hour, its jti new.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Health;

    /// The guides' troubleshooting tips.
    #[test]
    fn a_misspelled_url_is_found_before_anything_is_asked() {
        for (given, health) in [
            ("https://risk.example.com", Health::Well),
            ("http://127.0.0.1:8080", Health::Well),
            ("https://risk.example.com/", Health::Warning),
            ("\"https://risk.example.com\"", Health::Fault),
            (" https://risk.example.com", Health::Fault),
            ("https://demo-admin.example.com", Health::Fault),
        ] {
            assert_eq!(url(given).health, health, "{given}");
        }
    }

    #[test]
    fn a_misspelled_token_is_found_and_not_repeated() {
        for (given, health) in [
            (Some("00abc"), Health::Well),
            (None, Health::Warning),
            (Some("\"00abc\""), Health::Fault),
            (Some("00abc\n"), Health::Fault),
            (Some("SSWS 00abc"), Health::Fault),
        ] {
            let finding = token(given);
            assert_eq!(finding.health, health, "{given:?}");
            assert!(!finding.json().to_string().contains("00abc"));
        }
    }

    #[test]
    fn reads_the_date_of_an_answer() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("yesterday"), None);
    }
}
