//! A body that ends in an error when it is too long or too slow.

use std::{
    error::Error as StdError,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{LengthLimitError, Limited};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;
use watchfire_app::Error;

use super::budget::{BodyShare, NoRoom};
use crate::edge::Limits;

/// When there may be room for a long body again.
const RETRY_AFTER_FULL: Duration = Duration::from_secs(1);

/// The body took longer than `body_timeout`.
#[derive(Debug, thiserror::Error)]
#[error("the body took too long")]
struct TooSlow;

/// A request body under the limits of [`Limits`].
pub(crate) struct LimitedBody {
    inner: Limited<Body>,
    share: BodyShare,
    timeout: Duration,
    // Set when somebody starts to read: the time before that is not the client's.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl LimitedBody {
    pub(crate) fn wrap(body: Body, limits: &Limits, share: BodyShare) -> Body {
        Body::new(Self {
            inner: Limited::new(body, limits.max_body_bytes),
            share,
            timeout: limits.body_timeout,
            deadline: None,
        })
    }
}

impl HttpBody for LimitedBody {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            let bytes = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) | None => 0,
            };
            return Poll::Ready(match self.share.take(bytes) {
                Ok(()) => frame,
                Err(no_room) => Some(Err(no_room.into())),
            });
        }
        let timeout = self.timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        deadline.as_mut().poll(cx).map(|()| Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The answer to a body longer than the limit: 413, as a body that cannot be read (`E0000003`).
pub(crate) fn too_long() -> Error {
    unreadable(413, "The request body is too long")
}

/// Why reading stopped, as the client is told.
pub(super) fn refusal(error: &(dyn StdError + 'static)) -> Error {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return too_long();
        }
        if error.is::<TooSlow>() {
            return unreadable(408, "The request body did not arrive in time");
        }
        if error.is::<NoRoom>() {
            return Error::Unavailable {
                retry_after: RETRY_AFTER_FULL,
            };
        }
        cause = error.source();
    }
    Error::Malformed
}

fn unreadable(status: u16, cause: &str) -> Error {
    Error::Catalogued {
        status,
        code: "E0000003",
        summary: "The request body was not well-formed.".to_owned(),
        causes: vec![cause.to_owned()],
    }
}
