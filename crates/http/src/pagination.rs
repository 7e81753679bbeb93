//! `after`, `limit` and the `Link` headers (okta.md 11.4).

use axum::{
    Json,
    response::{IntoResponseParts, ResponseParts},
};
use http::{HeaderValue, header};
use watchfire_app::{Error, reads::Listed};

use crate::{links::Links, query::Query};

/// Which page of a list a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Where the last page ended; opaque to clients.
    pub after: Option<String>,
    /// At most so many entries.
    pub limit: u32,
}

/// What a list lets its clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageBounds {
    /// The smallest `limit`.
    pub min: u32,
    /// The `limit` of a request that names none.
    pub default: u32,
    /// The largest `limit`.
    pub max: u32,
}

/// The `Link` headers of a page: a line each, `self` first, `next` last (okta.md 11.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLinks {
    own: String,
    next: Option<String>,
}

impl PageBounds {
    /// Of our own lists.
    pub const OURS: Self = Self {
        min: 1,
        default: 50,
        max: 200,
    };
}

impl PageRequest {
    /// Reads `after` and `limit`.
    ///
    /// # Errors
    /// `E0000029` for a limit that is no number or outside of `bounds`.
    pub fn parse(query: &Query, bounds: PageBounds) -> Result<Self, Error> {
        let limit = match query.filled("limit") {
            None => bounds.default,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (bounds.min..=bounds.max).contains(limit))
                .ok_or_else(|| invalid_limit(bounds))?,
        };
        Ok(Self {
            after: query.filled("after").map(str::to_owned),
            limit,
        })
    }

    /// The page of a list that is whole in memory, and where the next one starts: behind its last id.
    pub fn cut<T>(&self, items: Vec<T>, id: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
        let start = self.after.as_deref().map_or(0, |after| {
            let last = items.iter().position(|item| id(item) == after);
            last.map_or(items.len(), |last| last.saturating_add(1))
        });
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = items.len().saturating_sub(start) > limit;
        let page: Vec<T> = items.into_iter().skip(start).take(limit).collect();
        let next = page.last().filter(|_| has_more).map(|last| id(last).to_owned());
        (page, next)
    }
}

impl PageLinks {
    /// The links of the page that answers `path` with `query`; `next` is where the following one starts.
    pub fn new(links: &Links, path: &str, query: &Query, next: Option<&str>) -> Self {
        let pairs = query.pairs().iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Self {
            own: address(links, path, pairs.clone()),
            next: next.map(|after| {
                let rest = pairs.filter(|(name, _)| *name != "after");
                address(links, path, std::iter::once(("after", after)).chain(rest))
            }),
        }
    }

    /// The answer of a list: its links and what `body` makes of each of its items.
    pub fn around<T, B>(
        links: &Links,
        (path, query): (&str, &Query),
        listed: Listed<T>,
        body: impl FnMut(T) -> B,
    ) -> (Self, Json<Vec<B>>) {
        let own = Self::new(links, path, query, listed.next.as_deref());
        (own, Json(listed.items.into_iter().map(body).collect()))
    }

    /// Names a parameter in `next` that the request had left to the server.
    #[must_use]
    pub fn and_next(mut self, name: &str, value: &str) -> Self {
        if let Some(next) = &mut self.next {
            let pair = url::form_urlencoded::Serializer::new(String::new())
                .append_pair(name, value)
                .finish();
            next.push('&'); // There is always `after` before it.
            next.push_str(&pair);
        }
        self
    }
}

impl IntoResponseParts for PageLinks {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let lines = [(Some(self.own), "self"), (self.next, "next")];
        for (address, relation) in lines {
            let value = address.and_then(|address| HeaderValue::try_from(format!("<{address}>; rel=\"{relation}\"")).ok());
            if let Some(value) = value {
                parts.headers_mut().append(header::LINK, value);
            }
        }
        Ok(parts)
    }
}

fn address<'a>(links: &Links, path: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    // Encoding the pairs anew keeps everything out of the header that could end its angle brackets.
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let path = links.to(path);
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

fn invalid_limit(bounds: PageBounds) -> Error {
    Error::Catalogued {
        status: 400,
        code: "E0000029",
        summary: "Invalid paging request.".to_owned(),
        causes: vec![format!("limit: must be a number from {} to {}", bounds.min, bounds.max)],
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    const USERS: PageBounds = PageBounds {
        min: 1,
        default: 20,
        max: 200,
    };

    fn lines(query: &str, next: Option<&str>) -> Vec<String> {
        let links = PageLinks::new(
            &Links::new("https://org.example/"),
            "/api/v1/users",
            &Query::parse(query),
            next,
        );
        let response = (links, "[]").into_response();
        let lines = response.headers().get_all(header::LINK);
        lines.iter().map(|line| line.to_str().expect("ASCII").to_owned()).collect()
    }

    #[test]
    fn writes_self_and_next_as_recorded() {
        assert_eq!(
            lines("limit=2", Some("00u5h1Kd9Xb2QwErT0h7")),
            [
                r#"<https://org.example/api/v1/users?limit=2>; rel="self""#,
                r#"<https://org.example/api/v1/users?after=00u5h1Kd9Xb2QwErT0h7&limit=2>; rel="next""#,
            ]
        );
    }

    #[test]
    fn the_last_page_has_no_next() {
        assert_eq!(lines("", None), [r#"<https://org.example/api/v1/users>; rel="self""#]);
    }

    #[test]
    fn the_next_cursor_replaces_the_one_asked_for() {
        assert_eq!(
            lines("after=a&limit=2&after=b", Some("c"))[1],
            r#"<https://org.example/api/v1/users?after=c&limit=2>; rel="next""#
        );
    }

    #[test]
    fn cuts_a_list_into_pages() {
        let page = |after: Option<&str>, limit| {
            let request = PageRequest {
                after: after.map(str::to_owned),
                limit,
            };
            request.cut(vec!["a", "b", "c"], |id| id)
        };
        assert_eq!(page(None, 2), (vec!["a", "b"], Some("b".to_owned())));
        assert_eq!(page(Some("b"), 2), (vec!["c"], None));
        assert_eq!(page(None, 3), (vec!["a", "b", "c"], None));
        assert_eq!(page(Some("gone"), 3), (vec![], None));
    }

    #[test]
    fn no_value_can_end_the_angle_brackets() {
        let line = &lines("q=%3E%3B+rel%3D%22next%22%0D%0Aa", None)[0];
        assert_eq!(line.matches('>').count(), 1, "{line}");
        assert_eq!(line.matches('"').count(), 2, "{line}");
    }

    #[test]
    fn reads_after_and_limit() {
        let page = |query: &str| PageRequest::parse(&Query::parse(query), USERS).map(|page| (page.after, page.limit));
        assert_eq!(page("").expect("default"), (None, 20));
        assert_eq!(page("limit=&after=").expect("empty"), (None, 20));
        assert_eq!(page("limit=200&after=x%20y").expect("both"), (Some("x y".to_owned()), 200));
        for query in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=ten",
            "limit=1e2",
            "limit=99999999999",
        ] {
            let refused = page(query).expect_err(query);
            assert!(
                matches!(
                    refused,
                    Error::Catalogued {
                        status: 400,
                        code: "E0000029",
                        ..
                    }
                ),
                "{query}"
            );
        }
    }
}
