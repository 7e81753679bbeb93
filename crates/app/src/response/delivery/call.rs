//! One call, from an action to what came of it.

use std::time::Duration;

use watchfire_domain::action::CallResult;
use watchfire_egress::{FetchError, Purpose, Request, Sent};
use watchfire_model::{
    object::{Action, ActionCall},
    time::Timestamp,
};

use crate::App;

/// A call that is ready to be made.
pub(super) struct Prepared {
    pub(super) purpose: Purpose,
    pub(super) request: Request,
    pub(super) judge: Judge,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judge {
    /// Webhooks and logout calls: 2xx is success, and what may pass is tried again.
    Backoff,
    /// Event hooks: 200 and 204 are success, and only the server's failures are tried again (okta.md 10.4).
    Hook,
}

/// A call that cannot be made, now or later: what it was to be made with is gone.
pub(super) struct NotCallable(pub(super) &'static str);

impl App {
    /// Calls the target of `action`.
    pub(super) async fn call(&self, action: &Action) -> CallResult {
        let prepared = match &action.call {
            ActionCall::Workflow { workflow, payload } => self.workflow_call(action, *workflow, payload),
            ActionCall::HookDelivery { hook, event } => self.hook_call(action, hook, event).await,
            ActionCall::UniversalLogout { app, user } => self.logout_call(action, app, user).await,
            ActionCall::EndSessions { .. } | ActionCall::DeactivateUser { .. } => {
                Ok(Err(NotCallable("this is done here, and not by a call")))
            }
        };
        match prepared {
            Ok(Ok(prepared)) => {
                let Prepared { purpose, request, judge } = prepared;
                let answer = self.egress.send(purpose, request).await;
                judge.result(answer, self.clock.now())
            }
            Ok(Err(NotCallable(why))) => CallResult::Refused {
                status: None,
                why: why.to_owned(),
            },
            // Ours, not the target's: a key that does not open, a store that does not answer.
            Err(error) => {
                tracing::warn!(error = %crate::sequencer::ErrorChain(&error), action = %action.id, "a call could not be prepared");
                CallResult::Failed {
                    status: None,
                    why: "the call could not be prepared".to_owned(),
                    retry_after: None,
                }
            }
        }
    }
}

impl Judge {
    /// What came of a call. What the target has written goes nowhere: it may repeat our secrets.
    pub(super) fn result(self, answer: Result<Sent, FetchError>, now: Timestamp) -> CallResult {
        let sent = match answer {
            Ok(sent) => sent,
            Err(error @ FetchError::Refused(_)) => {
                return CallResult::Refused {
                    status: None,
                    why: error.to_string(),
                };
            }
            Err(error) => return failed(None, error.to_string(), None),
        };
        let status = sent.status;
        if self.is_success(status) {
            return CallResult::Delivered { status };
        }
        let why = format!("the target answered with status {status}");
        if self.may_pass(status) {
            return failed(Some(status), why, sent.retry_after(now));
        }
        CallResult::Refused {
            status: Some(status),
            why,
        }
    }

    const fn is_success(self, status: u16) -> bool {
        match self {
            Self::Backoff => matches!(status, 200..=299),
            Self::Hook => matches!(status, 200 | 204),
        }
    }

    const fn may_pass(self, status: u16) -> bool {
        match self {
            Self::Backoff => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Hook => matches!(status, 500..=599),
        }
    }
}

const fn failed(status: Option<u16>, why: String, retry_after: Option<Duration>) -> CallResult {
    CallResult::Failed {
        status,
        why,
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(status: u16) -> Sent {
        Sent {
            status,
            headers: [(http::header::RETRY_AFTER, http::HeaderValue::from_static("7"))]
                .into_iter()
                .collect(),
            body: bytes::Bytes::from_static(b"secret"),
            truncated: false,
        }
    }

    #[test]
    fn answers_mean_what_the_contracts_say() {
        let now = Timestamp::from_seconds(0);
        for (judge, delivered, again, dead) in [
            (
                Judge::Backoff,
                &[200, 201, 202, 204, 299][..],
                &[408, 425, 429, 500, 502, 503, 504, 599][..],
                &[100, 301, 302, 307, 400, 401, 403, 404, 405, 410, 418, 422][..],
            ),
            (
                Judge::Hook,
                &[200, 204][..],
                &[500, 502, 503, 504][..],
                &[201, 202, 301, 308, 400, 404, 408, 410, 429][..],
            ),
        ] {
            for &status in delivered {
                assert_eq!(
                    judge.result(Ok(sent(status)), now),
                    CallResult::Delivered { status },
                    "{judge:?}"
                );
            }
            for &status in again {
                let result = judge.result(Ok(sent(status)), now);
                let waits = matches!(result, CallResult::Failed { retry_after: Some(it), .. } if it == Duration::from_secs(7));
                assert!(waits, "{judge:?} {status}");
            }
            for &status in dead {
                let result = judge.result(Ok(sent(status)), now);
                assert!(
                    matches!(&result, CallResult::Refused { why, .. } if !why.contains("secret")),
                    "{judge:?} {status}"
                );
            }
            let late = judge.result(Err(FetchError::TimedOut), now);
            assert!(matches!(late, CallResult::Failed { status: None, .. }));
            let refusal = FetchError::Refused(watchfire_egress::Refusal::Scheme);
            assert!(matches!(judge.result(Err(refusal), now), CallResult::Refused { .. }));
        }
    }
}
