//! The quota of event hooks is told of (okta.md 10.4).

use tokio_util::sync::CancellationToken;
use watchfire_domain::event_hook::{NoteHookQuota, QuotaNews};

use crate::{App, sequencer::ErrorChain, state::Reached};

impl App {
    /// Tells administrators what of the quota is reached, until `stop`.
    pub(crate) async fn watch_hook_quota(self, stop: CancellationToken) {
        let quota = self.state.hook_quota();
        while let Some(reached) = stop.run_until_cancelled(quota.reached()).await {
            let command = NoteHookQuota {
                news: match reached {
                    Reached::Warning => QuotaNews::Warning,
                    Reached::Limit => QuotaNews::Limit,
                },
                limit: quota.limits().events,
                warning: quota.limits().warning,
            };
            if let Err(error) = self.commands.run(command).await {
                tracing::warn!(error = %ErrorChain(&error), "that event hooks reach their quota could not be written down");
            }
        }
    }
}
