//! The discovery document of an OpenID provider.

use serde_json::{Map, Value};
use watchfire_crypto::jwk::Algorithm;

/// Why a document is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is no object.
    #[error("the discovery document is no JSON object")]
    NotAnObject,
    /// It is about somebody else (Discovery 1.0 section 4.3): whoever answers there is not who was named.
    #[error("the discovery document is that of another issuer")]
    Issuer,
    /// A member that is needed is not there, or is no text.
    #[error("the discovery document has no '{0}'")]
    Missing(&'static str),
    /// The authorization code flow is not offered.
    #[error("the provider does not offer the authorization code flow")]
    NoCodeFlow,
    /// It signs with nothing that is taken here: symmetric algorithms and `none` never are.
    #[error("the provider signs ID tokens with no algorithm that is accepted")]
    NoAlgorithm,
    /// It says which challenges it knows, and `S256` is not among them (RFC 8414).
    #[error("the provider does not offer PKCE with S256")]
    NoPkce,
}

/// What an OpenID provider says of itself, as far as a relying party needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// `issuer`
    pub issuer: String,
    /// Where browsers are sent.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where more of a user can be had.
    pub userinfo_endpoint: Option<String>,
    /// What ID tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// How clients may show who they are at the token endpoint.
    pub authentication_methods: Vec<String>,
    /// Whether its answers name their issuer (RFC 9207).
    pub names_issuer: bool,
}

/// Where the document of `issuer` is (Discovery 1.0 section 4.1).
pub fn address(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

impl ProviderMetadata {
    /// Reads the document of `issuer`.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn parse(document: &Value, issuer: &str) -> Result<Self, MetadataError> {
        let members = document.as_object().ok_or(MetadataError::NotAnObject)?;
        if required(members, "issuer")? != issuer {
            return Err(MetadataError::Issuer);
        }
        if !texts(members, "response_types_supported").is_none_or(|types| types.contains(&"code")) {
            return Err(MetadataError::NoCodeFlow);
        }
        if !texts(members, "code_challenge_methods_supported").is_none_or(|methods| methods.contains(&"S256")) {
            return Err(MetadataError::NoPkce);
        }
        let methods = texts(members, "token_endpoint_auth_methods_supported");
        Ok(Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: required(members, "authorization_endpoint")?.to_owned(),
            token_endpoint: required(members, "token_endpoint")?.to_owned(),
            jwks_uri: required(members, "jwks_uri")?.to_owned(),
            userinfo_endpoint: text(members, "userinfo_endpoint").map(str::to_owned),
            algorithms: algorithms(members)?,
            // Discovery 1.0 section 3: what is meant where nothing is said.
            authentication_methods: methods
                .unwrap_or_else(|| vec!["client_secret_basic"])
                .into_iter()
                .map(str::to_owned)
                .collect(),
            names_issuer: members.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
        })
    }

    /// Whether clients may show who they are in this way.
    pub fn takes(&self, method: &str) -> bool {
        self.authentication_methods.iter().any(|known| known == method)
    }
}

/// Those of the provider's that are asymmetric; RS256, which every provider has, where it says nothing.
fn algorithms(members: &Map<String, Value>) -> Result<Vec<Algorithm>, MetadataError> {
    let named = texts(members, "id_token_signing_alg_values_supported").unwrap_or_else(|| vec!["RS256"]);
    let known: Vec<_> = named.into_iter().filter_map(Algorithm::from_name).collect();
    if known.is_empty() {
        return Err(MetadataError::NoAlgorithm);
    }
    Ok(known)
}

fn required<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, MetadataError> {
    text(members, name).ok_or(MetadataError::Missing(name))
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A list of texts; `None` where there is no list.
fn texts<'a>(members: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    let items = members.get(name)?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "issuer": "https://idp.example",
            "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://idp.example/token",
            "jwks_uri": "https://idp.example/keys",
            "response_types_supported": ["code", "id_token"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256", "RS256"],
        })
    }

    #[test]
    fn a_document_is_read_and_symmetric_algorithms_are_left_out() {
        let read = ProviderMetadata::parse(&document(), "https://idp.example").unwrap();
        assert_eq!(read.algorithms, [Algorithm::Es256, Algorithm::Rs256]);
        assert!(read.takes("client_secret_basic") && !read.takes("client_secret_post") && !read.names_issuer);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for (member, value, error) in [
            ("issuer", json!("https://idp.example/"), MetadataError::Issuer),
            ("issuer", json!("https://IDP.example"), MetadataError::Issuer),
            ("issuer", json!(null), MetadataError::Missing("issuer")),
            ("token_endpoint", json!(5), MetadataError::Missing("token_endpoint")),
            (
                "authorization_endpoint",
                json!(""),
                MetadataError::Missing("authorization_endpoint"),
            ),
            ("jwks_uri", json!(null), MetadataError::Missing("jwks_uri")),
            ("response_types_supported", json!(["id_token"]), MetadataError::NoCodeFlow),
            ("code_challenge_methods_supported", json!(["plain"]), MetadataError::NoPkce),
            (
                "id_token_signing_alg_values_supported",
                json!(["HS256", "none"]),
                MetadataError::NoAlgorithm,
            ),
        ] {
            let mut document = document();
            document[member] = value;
            assert_eq!(
                ProviderMetadata::parse(&document, "https://idp.example"),
                Err(error),
                "{member}"
            );
        }
        assert_eq!(ProviderMetadata::parse(&json!([]), ""), Err(MetadataError::NotAnObject));
    }

    #[test]
    fn the_document_is_below_the_issuer() {
        for issuer in ["https://a.example/tenant", "https://a.example/tenant/"] {
            assert_eq!(address(issuer), "https://a.example/tenant/.well-known/openid-configuration");
        }
    }
}
