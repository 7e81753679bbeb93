//! What the demo makes on a server that goes on without it, so that it can be taken away again.

use serde_json::Value;

use crate::api::{Api, escape};

/// How to take one thing away.
#[derive(Clone, Debug)]
enum Undo {
    /// Delete it; so many calls are needed.
    Delete(String, u8),
    /// Put it back as it was.
    Restore(String, Value),
}

/// Everything that was made, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Made(Vec<Undo>);

impl Made {
    /// Remembers an object below `collection`.
    pub(super) fn object(&mut self, collection: &str, id: &str) {
        self.0.push(Undo::Delete(format!("{collection}/{}", escape(id)), 1));
    }

    /// Remembers a user: the first call deactivates, the second deletes (okta.md 10.1).
    pub(super) fn user(&mut self, id: &str) {
        self.0.push(Undo::Delete(format!("/api/v1/users/{}", escape(id)), 2));
    }

    /// Remembers how an object was before it was changed.
    pub(super) fn changed(&mut self, path: String, before: Value) {
        self.0.push(Undo::Restore(path, before));
    }

    /// Takes everything away, the last first. What cannot be is left, and counted.
    pub(super) async fn take_away(self, api: &Api) -> usize {
        let mut left = 0;
        for undo in self.0.into_iter().rev() {
            let done = match undo {
                Undo::Restore(path, before) => api.put(&path, &before).await.map(|_| ()),
                Undo::Delete(path, calls) => delete(api, &path, calls).await,
            };
            left += usize::from(done.is_err());
        }
        left
    }
}

async fn delete(api: &Api, path: &str, calls: u8) -> anyhow::Result<()> {
    for _ in 0..calls {
        api.delete(path).await?;
    }
    Ok(())
}
