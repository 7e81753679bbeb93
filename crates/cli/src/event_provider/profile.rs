//! `watchfire event-provider profile`.

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};

use super::{Named, find};
use crate::{
    api::{escape, text},
    terminal::Terminal,
};

/// What a list is given as that allows everything.
const ANY: &str = "any";

/// Without an option: shows the profile. With one: changes what is given; the rest stays.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    named: Named,
    /// What is tolerated: okta, standard, interop, google-risc, legacy-sse, authentik or caep.dev
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Algorithm that it may sign with: RS256, PS256, ES256, ES384, `EdDSA` (repeatable)
    #[arg(long, value_name = "NAME")]
    algorithm: Vec<String>,
    /// Event type that it may send, as a URI, or `any` (repeatable)
    #[arg(long, value_name = "URI")]
    event_type: Vec<String>,
    /// Format of subject identifiers that it may use, or `any` (repeatable)
    #[arg(long, value_name = "FORMAT")]
    subject_format: Vec<String>,
    /// Domain that it may speak about, or `any` (repeatable)
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// `iss` of the `iss_sub` identifiers that it may speak about, or `any` (repeatable)
    #[arg(long, value_name = "ISSUER")]
    subject_issuer: Vec<String>,
    /// Whether it decides who owns an identifier of those domains and issuers
    #[arg(long, value_name = "true|false")]
    authoritative: Option<bool>,
    /// Key that is not used any more, by key id or thumbprint (repeatable; added to those revoked)
    #[arg(long, value_name = "KID")]
    revoke_key: Vec<String>,
    /// Key that is used again (repeatable)
    #[arg(long, value_name = "KID")]
    restore_key: Vec<String>,
}

const FIELDS: &[(&str, &str)] = &[
    ("profile", "/profile"),
    ("algorithms", "/algorithms"),
    ("event types", "/event_types"),
    ("subject formats", "/subject_formats"),
    ("domains", "/domains"),
    ("subject issuers", "/issuers"),
    ("authoritative", "/authoritative"),
    ("revoked keys", "/revoked_keys"),
];

pub(super) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let api = arguments.named.connection.open()?;
    let found = find(&api, &arguments.named.provider).await?;
    let id = escape(text(&found, "id"));
    let path = format!("/watchfire/v1/security-events-providers/{id}/profile");
    let current = api.get(&path).await?;
    let wanted = arguments.over(current.clone())?;
    let profile = if wanted == current {
        current
    } else {
        api.put(&path, &wanted).await?
    };
    Ok(terminal.print_object(&profile, FIELDS)?)
}

impl Arguments {
    /// What is given, over what is there.
    fn over(&self, mut profile: Value) -> Result<Value> {
        let members = profile.as_object_mut().context("the server's profile is not an object")?;
        if let Some(name) = &self.profile {
            members.insert("profile".to_owned(), json!(name));
        }
        if let Some(authoritative) = self.authoritative {
            members.insert("authoritative".to_owned(), json!(authoritative));
        }
        let lists = [
            ("algorithms", &self.algorithm),
            ("event_types", &self.event_type),
            ("subject_formats", &self.subject_format),
            ("domains", &self.domain),
            ("issuers", &self.subject_issuer),
        ];
        for (member, given) in lists {
            match given.as_slice() {
                [] => {}
                [one] if one == ANY => drop(members.insert(member.to_owned(), Value::Null)),
                all => drop(members.insert(member.to_owned(), json!(all))),
            }
        }
        let revoked = members
            .get("revoked_keys")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut revoked: Vec<Value> = revoked
            .into_iter()
            .filter(|kid| !self.restore_key.iter().any(|restored| kid == restored))
            .collect();
        revoked.extend(self.revoke_key.iter().map(|kid| json!(kid)));
        members.insert("revoked_keys".to_owned(), Value::Array(revoked));
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn what_is_not_given_stays() {
        let current = json!({
            "profile": "okta",
            "algorithms": ["RS256"],
            "event_types": ["urn:a"],
            "subject_formats": null,
            "domains": ["a.example"],
            "issuers": null,
            "authoritative": false,
            "revoked_keys": ["k1", "k2"],
        });
        let line = |words: &[&str]| {
            let all = ["x", "acme", "--url", "http://org.example"].iter().chain(words);
            Line::parse_from(all).arguments
        };
        assert_eq!(line(&[]).over(current.clone()).unwrap(), current);
        let words = [
            "--domain",
            "b.example",
            "--domain",
            "c.example",
            "--event-type",
            "any",
            "--restore-key",
            "k1",
            "--revoke-key",
            "k3",
            "--authoritative",
            "true",
        ];
        let changed = line(&words).over(current).unwrap();
        assert_eq!(changed["domains"], json!(["b.example", "c.example"]));
        assert_eq!(changed["event_types"], Value::Null);
        assert_eq!(changed["revoked_keys"], json!(["k2", "k3"]));
        assert_eq!(
            (&changed["authoritative"], &changed["profile"]),
            (&json!(true), &json!("okta"))
        );
    }
}
