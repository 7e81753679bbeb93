//! Whether a client can take what the JSON surfaces answer (okta.md 11.3).

use http::{HeaderMap, header};

const JSON_SURFACES: [&str; 5] = ["/api/", "/oauth2/", "/watchfire/", "/.well-known/", "/security/"];

/// Whether `path` belongs to a surface that answers in JSON, unknown paths included.
pub(super) fn speaks_json(path: &str) -> bool {
    JSON_SURFACES.iter().any(|surface| path.starts_with(surface))
}

/// Whether `path` looks at what a client accepts.
pub(crate) fn negotiates(path: &str) -> bool {
    // The SET endpoint answers an acceptance with an empty body, and refusals in a shape of its own.
    speaks_json(path) && !path.starts_with("/security/")
}

/// Whether the client says that it cannot take JSON. A header that is absent or hard to read says nothing.
pub(super) fn excludes_json(path: &str, headers: &HeaderMap) -> bool {
    if !negotiates(path) {
        return false;
    }
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    ranges.peek().is_some() && !ranges.any(takes_json)
}

fn takes_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let refused = parts.any(|parameter| {
        let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
        weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
    });
    let matches = match media_type.split_once('/') {
        Some((kind, subtype)) => matches!(kind, "*" | "application") && (subtype == "*" || subtype.contains("json")),
        None => true,
    };
    matches && !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().expect("a header value"));
        excludes_json("/api/v1/logs", &headers)
    }

    #[test]
    fn takes_every_possible_accept() {
        for accept in [
            "application/json",
            "application/json, */*;q=0.8",
            "application/json;charset=UTF-8",
            "APPLICATION/JSON",
            "*/*",
            "application/*",
            "text/html, */*;q=0.1",
            "",
            "*",
            "text/xml;q=nonsense, application/json;q=nonsense",
        ] {
            assert!(!excludes(accept), "{accept}");
        }
        assert!(!excludes_json("/api/v1/logs", &HeaderMap::new()));
    }

    #[test]
    fn refuses_the_impossible_ones() {
        for accept in [
            "application/xml",
            "text/html",
            "text/html, image/*",
            "application/json;q=0",
            "*/*;q=0.0",
        ] {
            assert!(excludes(accept), "{accept}");
        }
    }

    #[test]
    fn other_surfaces_are_free() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, "text/html".parse().expect("a header value"));
        for path in ["/", "/admin", "/metrics", "/security/api/v1/security-events"] {
            assert!(!excludes_json(path, &headers), "{path}");
        }
    }
}
