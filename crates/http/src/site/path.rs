//! One spelling for every path: `//` counts as `/`, and a slash at the end does not count (clients.md 2).

use http::{Uri, uri::PathAndQuery};

pub(super) fn normalise(uri: &mut Uri) {
    let path = uri.path();
    let is_plain = !path.contains("//") && (path == "/" || !path.ends_with('/'));
    if is_plain || !path.starts_with('/') {
        return;
    }
    let mut text = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        text.push('/');
        text.push_str(segment);
    }
    if text.is_empty() {
        text.push('/');
    }
    if let Some(query) = uri.query() {
        text.push('?');
        text.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    if let Ok(path_and_query) = PathAndQuery::try_from(text) {
        parts.path_and_query = Some(path_and_query);
    }
    if let Ok(normalised) = Uri::from_parts(parts) {
        *uri = normalised;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_and_trailing_slashes_do_not_count() {
        for (given, expected) in [
            ("/api/v1/logs/?limit=2", "/api/v1/logs?limit=2"),
            ("/api/v1/logs?limit=2", "/api/v1/logs?limit=2"),
            ("//api///v1/logs//", "/api/v1/logs"),
            ("/", "/"),
            ("///", "/"),
            ("/?a=//", "/?a=//"),
            ("/a%2F/", "/a%2F"),
            ("https://org.example//a/?b", "https://org.example/a?b"),
        ] {
            let mut uri = given.parse::<Uri>().expect("a URI");
            normalise(&mut uri);
            assert_eq!(uri.to_string(), expected, "{given}");
        }
    }

    #[test]
    fn forms_without_a_path_stay() {
        for given in ["*", "org.example:443"] {
            let mut uri = given.parse::<Uri>().expect("a URI");
            normalise(&mut uri);
            assert_eq!(uri.to_string(), given);
        }
    }
}
