//! The client for servers that the operator names: no policy on addresses, and a CA of their own.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::{Certificate, Client, ClientBuilder, redirect};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::client::{self, FetchError};

/// How to reach the operator's servers.
#[derive(Clone, Debug)]
pub struct OperatorSettings {
    /// A CA certificate in PEM form that is trusted beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// From the first packet to the last byte.
    pub timeout: Duration,
    /// Bytes of an answer.
    pub max_bytes: usize,
}

/// A request to one of them.
#[derive(Clone, Debug)]
pub struct OperatorRequest {
    /// The method.
    pub method: Method,
    /// The URL: http or https.
    pub url: String,
    /// The whole `Authorization` header.
    pub authorization: Option<SecretString>,
    /// Other headers.
    pub headers: HeaderMap,
    /// The body; its type is among the headers.
    pub body: Option<Bytes>,
}

/// What it answered; a status of failure is no error.
#[derive(Clone, Debug)]
pub struct OperatorResponse {
    /// The status. Redirects are not followed.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why the client cannot be made or a request was not sent.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The CA file holds no certificate.
    #[error("the CA file holds no certificate in PEM form")]
    Ca(#[source] reqwest::Error),
    /// The client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    /// The URL is none, or neither http nor https.
    #[error("'{0}' is no http or https URL")]
    Url(String),
    /// The credential cannot be sent as a header.
    #[error("the credential contains characters that a header cannot hold")]
    Authorization,
    /// No answer.
    #[error("no answer from the server")]
    Failed(#[source] FetchError),
}

/// The operator's client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Operator {
    proxied: Client,
    // A proxy of the environment cannot reach this machine.
    direct: Client,
    max_bytes: usize,
}

impl Default for OperatorSettings {
    fn default() -> Self {
        Self {
            ca_pem: None,
            timeout: Duration::from_secs(60),
            max_bytes: 64 * 1024 * 1024,
        }
    }
}

impl OperatorRequest {
    /// A request without headers and body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            authorization: None,
            headers: HeaderMap::new(),
            body: None,
        }
    }
}

impl Operator {
    /// Makes the client.
    ///
    /// # Errors
    /// [`OperatorError::Ca`], [`OperatorError::Client`].
    pub fn new(settings: &OperatorSettings) -> Result<Self, OperatorError> {
        let certificates = match &settings.ca_pem {
            Some(pem) => Certificate::from_pem_bundle(pem).map_err(OperatorError::Ca)?,
            None => Vec::new(),
        };
        let builder = || {
            let builder = Client::builder()
                .user_agent(concat!("watchfire-cli/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .timeout(settings.timeout);
            if certificates.is_empty() {
                builder
            } else {
                builder.tls_certs_merge(certificates.clone())
            }
        };
        let build = |builder: ClientBuilder| builder.build().map_err(OperatorError::Client);
        Ok(Self {
            proxied: build(builder())?,
            direct: build(builder().no_proxy())?,
            max_bytes: settings.max_bytes,
        })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`OperatorError::Url`], [`OperatorError::Authorization`], [`OperatorError::Failed`].
    pub async fn send(&self, request: OperatorRequest) -> Result<OperatorResponse, OperatorError> {
        let url = Url::parse(&request.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or(OperatorError::Url(request.url))?;
        let client = if is_this_machine(&url) { &self.direct } else { &self.proxied };
        let mut headers = request.headers;
        if let Some(authorization) = request.authorization {
            let mut value = HeaderValue::from_str(authorization.expose_secret()).map_err(|_| OperatorError::Authorization)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let mut call = client.request(request.method, url).headers(headers);
        if let Some(body) = request.body {
            call = call.body(body);
        }
        let response = call
            .send()
            .await
            .map_err(|error| OperatorError::Failed(client::failure(error)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = client::read(response, self.max_bytes).await.map_err(OperatorError::Failed)?;
        Ok(OperatorResponse { status, headers, body })
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

    use super::*;

    #[tokio::test]
    async fn sends_what_it_is_given_and_returns_failures_as_answers() {
        let server = MockServer::start().await;
        Mock::given(matchers::method("POST"))
            .and(matchers::path("/api/v1/users"))
            .and(matchers::header("authorization", "SSWS 00abc"))
            .and(matchers::header("content-type", "application/json"))
            .and(matchers::body_string("{}"))
            .respond_with(
                ResponseTemplate::new(400)
                    .insert_header("x-okta-request-id", "req1")
                    .set_body_string("no"),
            )
            .expect(1)
            .mount(&server)
            .await;
        let operator = Operator::new(&OperatorSettings::default()).expect("a client");
        let mut request = OperatorRequest::new(Method::POST, format!("{}/api/v1/users", server.uri()));
        request.authorization = Some("SSWS 00abc".into());
        request
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = Some(Bytes::from_static(b"{}"));
        assert!(!format!("{request:?}").contains("00abc"));
        let response = operator.send(request).await.expect("an answer");
        assert_eq!((response.status.as_u16(), &response.body[..]), (400, &b"no"[..]));
        assert_eq!(response.headers["x-okta-request-id"], "req1");
    }

    #[tokio::test]
    async fn says_what_is_wrong() {
        let operator = Operator::new(&OperatorSettings::default()).expect("a client");
        for url in ["", "org.example", "ftp://org.example"] {
            let refused = operator.send(OperatorRequest::new(Method::GET, url)).await;
            assert!(matches!(refused, Err(OperatorError::Url(_))), "{url}");
        }
        let mut request = OperatorRequest::new(Method::GET, "http://127.0.0.1:1/");
        request.authorization = Some("SSWS a\nb".into());
        assert!(matches!(operator.send(request).await, Err(OperatorError::Authorization)));
        let ca_pem = Some(b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n".to_vec());
        let settings = OperatorSettings {
            ca_pem,
            ..OperatorSettings::default()
        };
        assert!(Operator::new(&settings).is_err());
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_bytes(vec![b'a'; 1025]);
        Mock::given(matchers::any()).respond_with(answer).mount(&server).await;
        let settings = OperatorSettings {
            max_bytes: 1024,
            ..OperatorSettings::default()
        };
        let operator = Operator::new(&settings).expect("a client");
        let refused = operator.send(OperatorRequest::new(Method::GET, server.uri())).await;
        assert!(matches!(refused, Err(OperatorError::Failed(FetchError::TooLong(1024)))));
    }
}
