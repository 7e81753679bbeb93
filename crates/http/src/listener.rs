//! The accept loop: plain or TLS, with time-outs, a bound on connections, and a graceful end.

mod admission;
mod taking;
pub mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;
use watchfire_app::insight::log_tail::ServerEnd;

use self::{
    admission::{Admission, Seat},
    taking::Taking,
};
use crate::{request::Peer, site::Site};

/// How long to wait after the system could not accept (usually for want of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// hyper buffers at least this much; a smaller `max_header_bytes` would make it panic.
const MIN_HEADER_BYTES: usize = 8192;

/// What a connection may cost (architecture invariant 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// `max_connections`: past it, one that waits for its client makes way for a new one.
    pub max_connections: usize,
    /// `max_header_bytes`: request line and headers together.
    pub max_header_bytes: usize,
    /// `handshake_timeout`: for TLS.
    pub handshake_timeout: Duration,
    /// `header_timeout`: for the headers of each request, the idle time before them included.
    pub header_timeout: Duration,
    /// `write_timeout`: a client that takes nothing of its answer for so long is given up.
    pub write_timeout: Duration,
    /// `shutdown_deadline`: for what is in flight when the server stops.
    pub shutdown_deadline: Duration,
}

/// How a listener ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut at the deadline.
    pub cut: usize,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_header_bytes: 64 * 1024,
            handshake_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            shutdown_deadline: Duration::from_secs(7),
        }
    }
}

/// Serves `site` on `listener` until `stop`; then finishes what is in flight, within the deadline.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    site: Site,
    limits: ListenerLimits,
    stop: CancellationToken,
) -> Drained {
    let connections = Connections {
        site,
        tls,
        limits,
        stop: stop.clone(),
        cut: CancellationToken::new(),
    };
    let cut = connections.cut.clone();
    let tracker = TaskTracker::new();
    // The listener is dropped when this ends, so that newcomers are refused while the rest is finished.
    stop.run_until_cancelled(accept(listener, Arc::new(connections), &tracker))
        .await;
    tracker.close();
    let finished = timeout(limits.shutdown_deadline, tracker.wait()).await.is_ok();
    let drained = Drained {
        cut: if finished { 0 } else { tracker.len() },
    };
    cut.cancel();
    tracker.wait().await;
    drained
}

/// What all connections of a listener share.
#[derive(Clone)]
struct Connections {
    site: Site,
    tls: Option<TlsAcceptor>,
    limits: ListenerLimits,
    stop: CancellationToken,
    cut: CancellationToken,
}

async fn accept(listener: TcpListener, connections: Arc<Connections>, tracker: &TaskTracker) {
    let admission = Admission::new(connections.limits.max_connections);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let seat = admission.seat(peer.ip(), &connections.cut).await;
                let connections = Arc::clone(&connections);
                tracker.spawn(async move {
                    let cut = seat.cut().clone();
                    cut.run_until_cancelled(connections.handle(stream, peer, &seat)).await;
                });
            }
            Err(error) => {
                // Who waits here gives its descriptor to who comes.
                let made_room = admission.make_room();
                tracing::warn!(%error, made_room, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Connections {
    async fn handle(&self, stream: TcpStream, peer: SocketAddr, seat: &Seat) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "could not set TCP_NODELAY");
        }
        match &self.tls {
            None => self.speak(stream, peer, seat).await,
            Some(acceptor) => {
                let handshake = timeout(self.limits.handshake_timeout, acceptor.accept(stream));
                match self.stop.run_until_cancelled(handshake).await {
                    Some(Ok(Ok(stream))) => self.speak(stream, peer, seat).await,
                    Some(Ok(Err(error))) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                    Some(Err(_)) => tracing::debug!(%peer, "TLS handshake timed out"),
                    None => {}
                }
            }
        }
    }

    async fn speak<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: I, peer: SocketAddr, seat: &Seat) {
        let service = service_fn(|request: http::Request<Incoming>| {
            let (parts, body) = request.into_parts();
            let (body, working) = seat.request(Body::new(body));
            let mut request = http::Request::from_parts(parts, body);
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(ServerEnd(self.stop.clone()));
            let answer = self.site.clone().call(request);
            async move {
                let answer = answer.await;
                drop(working);
                answer
            }
        });
        let stream = Taking::new(stream, self.limits.write_timeout);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(self.limits.max_header_bytes.max(MIN_HEADER_BYTES))
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = match self.stop.run_until_cancelled(connection.as_mut()).await {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests;
