//! Talking to a server, as an administrator or as a provider.

pub(crate) mod problem;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};
use watchfire_egress::operator::{Operator, OperatorRequest, OperatorSettings};

use self::problem::Problem;
use crate::command::Misuse;

/// Which server, and as whom.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connection {
    /// Org URL of the server
    #[arg(long, env = "WATCHFIRE_URL", help_heading = "Server")]
    pub(crate) url: String,
    /// API token (or access token); better in WATCHFIRE_TOKEN, or in a file that WATCHFIRE_TOKEN_FILE names
    #[arg(long, env = "WATCHFIRE_TOKEN", hide_env_values = true, value_parser = secret, help_heading = "Server")]
    pub(crate) token: Option<SecretString>,
    /// File with the token
    #[arg(long, env = "WATCHFIRE_TOKEN_FILE", value_name = "FILE", help_heading = "Server")]
    pub(crate) token_file: Option<PathBuf>,
    /// CA certificate (PEM) that is trusted beside the system's
    #[arg(long, env = "WATCHFIRE_CA", value_name = "FILE", help_heading = "Server")]
    pub(crate) ca: Option<PathBuf>,
}

/// Reads a secret from the command line or the environment, into a type that does not print.
pub(crate) fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// How long an answer may take; long enough for a server under load.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Connection {
    /// The client.
    ///
    /// # Errors
    /// When the URL or the token cannot be used as they stand, or a file cannot be read.
    pub(crate) fn open(&self) -> Result<Api> {
        let token = self.read_token()?;
        let authorization = token.map(|token| authorization(token.expose_secret())).transpose()?;
        Ok(Api {
            authorization,
            ..self.open_unauthorized()?
        })
    }

    /// A client that shows no token.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub(crate) fn open_unauthorized(&self) -> Result<Api> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let settings = OperatorSettings {
            ca_pem: self.ca.as_ref().map(read).transpose()?,
            timeout: TIMEOUT,
            ..OperatorSettings::default()
        };
        Ok(Api {
            operator: Operator::new(&settings)?,
            base: base_url(&self.url)?,
            authorization: None,
            headers: HeaderMap::new(),
        })
    }

    /// The token as it was given.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) fn read_token(&self) -> Result<Option<SecretString>> {
        match (&self.token, &self.token_file) {
            (Some(token), _) => Ok(Some(token.clone())),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("cannot read the token file {}", path.display()))?;
                Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']))))
            }
            (None, None) => Ok(None),
        }
    }
}

fn base_url(text: &str) -> Result<String> {
    if text.contains('"') || text.trim() != text {
        return Err(Misuse(format!("the URL [{text}] has quotes or blanks around it: take them away")).into());
    }
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err(Misuse(format!(
            "'{text}' is no URL of a server: it looks like https://risk.example.com"
        ))
        .into()),
    }
}

/// `SSWS` for API tokens, `Bearer` for what looks like a JWT.
fn authorization(token: &str) -> Result<SecretString> {
    if token.contains('"') || token.trim() != token {
        return Err(Misuse("the token has quotes or blanks around it: take them away".to_owned()).into());
    }
    let scheme = if token.split('.').count() == 3 && token.starts_with("eyJ") {
        "Bearer"
    } else {
        "SSWS"
    };
    Ok(SecretString::from(format!("{scheme} {token}")))
}

/// A server, seen by one caller.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    operator: Operator,
    base: String,
    authorization: Option<SecretString>,
    headers: HeaderMap,
}

/// What a server answered, whatever the status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `Null` when the body is empty or no JSON.
    pub(crate) json: Value,
}

impl Answer {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Path and query of the `next` link.
    pub(crate) fn next(&self) -> Option<String> {
        let links = self
            .headers
            .get_all(header::LINK)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let next = links.rev().find(|link| link.contains("rel=\"next\""))?;
        let url = Url::parse(next.rsplit_once('<')?.1.split_once('>')?.0).ok()?;
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        Some(format!("{}{query}", url.path()))
    }

    /// The JSON of an answer that says yes.
    ///
    /// # Errors
    /// [`Problem`], when it says no.
    pub(crate) fn accepted(self) -> Result<Value, Problem> {
        if self.status.is_success() {
            Ok(self.json)
        } else {
            Err(Problem::of(&self))
        }
    }
}

impl Api {
    /// The org URL as the caller knows it, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The same server, called with this access token.
    pub(crate) fn with_bearer(&self, access_token: &str) -> Self {
        Self {
            authorization: Some(SecretString::from(format!("Bearer {access_token}"))),
            ..self.clone()
        }
    }

    /// The same server, called without credentials.
    pub(crate) fn anonymous(&self) -> Self {
        Self {
            authorization: None,
            ..self.clone()
        }
    }

    /// The same server, called with one more header.
    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Result<Self> {
        let mut api = self.clone();
        api.headers.insert(name, HeaderValue::from_str(value)?);
        Ok(api)
    }

    /// Sends a call and gives the answer, whatever it is.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let body = body.map(|json| ("application/json", json.to_string()));
        self.call(method, path, body).await
    }

    /// Sends a form, as the token endpoint takes it.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn send_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.call(Method::POST, path, Some(("application/x-www-form-urlencoded", form)))
            .await
    }

    /// `GET`.
    ///
    /// # Errors
    /// When there is no answer, or it says no ([`Problem`]).
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.send(Method::GET, path, None).await?.accepted()?)
    }

    /// `POST`.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.send(Method::POST, path, Some(body)).await?.accepted()?)
    }

    /// `POST` without a body.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(crate) async fn post_empty(&self, path: &str) -> Result<Value> {
        Ok(self.send(Method::POST, path, None).await?.accepted()?)
    }

    /// `PUT`.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.send(Method::PUT, path, Some(body)).await?.accepted()?)
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(crate) async fn delete(&self, path: &str) -> Result<()> {
        self.send(Method::DELETE, path, None).await?.accepted()?;
        Ok(())
    }

    /// All objects of a list, page by page.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut page) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = page {
            let answer = self.send(Method::GET, &path, None).await?;
            page = answer.next();
            match answer.accepted()? {
                Value::Array(list) => items.extend(list),
                other => anyhow::bail!("{path} answered no list but {other}"),
            }
        }
        Ok(items)
    }

    async fn call(&self, method: Method, path: &str, body: Option<(&'static str, String)>) -> Result<Answer> {
        let mut request = OperatorRequest::new(method, format!("{}{path}", self.base));
        request.authorization = self.authorization.clone();
        request.headers.clone_from(&self.headers);
        request
            .headers
            .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some((content_type, text)) = body {
            request
                .headers
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            request.body = Some(Bytes::from(text));
        }
        let sent = self.operator.send(request).await;
        let response = sent.with_context(|| format!("{} cannot be reached", self.base))?;
        Ok(Answer {
            status: response.status,
            headers: response.headers,
            json: serde_json::from_slice(&response.body).unwrap_or_default(),
        })
    }
}

/// A path segment or a query value, safe to put into a URL.
pub(crate) fn escape(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// The text of a member, or nothing.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guides' troubleshooting tips: no quotes, no blanks; a slash at the end does no harm.
    #[test]
    fn urls_and_tokens_with_something_around_them_are_refused() {
        for url in ["\"http://x\"", " http://x", "http://x ", "x", "ftp://x", ""] {
            assert!(base_url(url).is_err(), "{url}");
        }
        assert_eq!(base_url("https://risk.example.com/").unwrap(), "https://risk.example.com");
        assert!(authorization("\"00abc\"").is_err());
        assert!(authorization(" 00abc").is_err());
        assert_eq!(authorization("00abc").unwrap().expose_secret(), "SSWS 00abc");
        assert_eq!(authorization("eyJ.a.b").unwrap().expose_secret(), "Bearer eyJ.a.b");
    }

    /// okta.md 11.4: two header lines, the URL made from the public URL.
    #[test]
    fn the_next_page_is_asked_of_the_server_that_was_named() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::LINK,
            HeaderValue::from_static("<https://org/api/v1/users?limit=2>; rel=\"self\""),
        );
        let mut answer = Answer {
            status: StatusCode::OK,
            headers,
            json: Value::Null,
        };
        assert_eq!(answer.next(), None);
        let next = "<https://org/api/v1/users?after=00u&limit=2>; rel=\"next\"";
        answer.headers.append(header::LINK, HeaderValue::from_static(next));
        assert_eq!(answer.next().as_deref(), Some("/api/v1/users?after=00u&limit=2"));
    }

    #[test]
    fn what_goes_into_a_path_is_escaped() {
        assert_eq!(escape("jo+x@example.com/ü y"), "jo%2Bx%40example.com%2F%C3%BC%20y");
    }
}
