//! An answer that says no.

use std::fmt;

use serde_json::Value;

use super::{Answer, text};

/// What a server said instead of doing it: Okta's error object or OAuth's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    /// `errorCode`, or `error`.
    pub(crate) code: String,
    /// `errorSummary`, or `error_description`.
    pub(crate) summary: String,
    /// The texts of `errorCauses`.
    pub(crate) causes: Vec<String>,
    request_id: Option<String>,
}

impl Problem {
    /// Reads what `answer` says.
    pub(crate) fn of(answer: &Answer) -> Self {
        let json = &answer.json;
        let either = |okta: &str, oauth: &str| {
            let found = text(json, okta);
            if found.is_empty() { text(json, oauth) } else { found }.to_owned()
        };
        let causes = json
            .get("errorCauses")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        Self {
            status: answer.status.as_u16(),
            code: either("errorCode", "error"),
            summary: either("errorSummary", "error_description"),
            causes: causes.iter().map(|cause| text(cause, "errorSummary").to_owned()).collect(),
            request_id: answer.header("x-okta-request-id").map(str::to_owned),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}: {}", self.code, self.summary)?;
        }
        if !self.causes.is_empty() {
            write!(f, " ({})", self.causes.join("; "))?;
        }
        match &self.request_id {
            Some(id) => write!(f, " [{id}]"),
            None => Ok(()),
        }
    }
}
