//! Who gets a connection when there is no room left.
//!
//! A connection costs something while it waits for its client: for the first byte, the rest of a head, the rest of a
//! body, the next request, or for an answer to be taken. When all seats are taken, one that waits makes way: of the
//! address that has the most connections, the one that has waited longest. So thousands of connections that do
//! nothing cost their owner nothing but themselves; a request that is being worked on is never cut off.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The seats of a listener.
#[derive(Debug)]
pub(super) struct Admission {
    max: usize,
    /// Counts what happens: "longest" needs an order and no clock.
    ticks: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
    /// A seat has been left, or whoever has it waits again.
    changed: Notify,
}

/// A seat that is taken.
#[derive(Clone, Debug)]
struct Open {
    owner: IpAddr,
    since: Arc<AtomicU64>,
    cut: CancellationToken,
}

/// Since when the connection waits for its client: never, while the request is being worked on.
const BUSY: u64 = 0;

/// A place among the connections. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    admission: Arc<Admission>,
    number: u64,
    since: Arc<AtomicU64>,
    cut: CancellationToken,
}

impl Admission {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max: max.max(1),
            ticks: AtomicU64::new(BUSY),
            open: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// A seat for a connection from `peer`; waits while every other one is being worked for. It ends with `cut`.
    pub(super) async fn seat(self: &Arc<Self>, peer: IpAddr, cut: &CancellationToken) -> Seat {
        loop {
            // Before the look, so that what changes after it is not missed.
            let changed = self.changed.notified();
            if let Some(seat) = self.try_seat(peer, cut) {
                return seat;
            }
            changed.await;
        }
    }

    /// Cuts off the connection that is to make way; false when there is none.
    pub(super) fn make_room(&self) -> bool {
        make_room(&mut self.open.lock())
    }

    fn try_seat(self: &Arc<Self>, peer: IpAddr, cut: &CancellationToken) -> Option<Seat> {
        let mut open = self.open.lock();
        if open.len() >= self.max && !make_room(&mut open) {
            return None;
        }
        let number = self.tick();
        let seat = Seat {
            admission: Arc::clone(self),
            number,
            since: Arc::new(AtomicU64::new(number)),
            cut: cut.child_token(),
        };
        let taken = Open {
            owner: owner(peer),
            since: Arc::clone(&seat.since),
            cut: seat.cut.clone(),
        };
        open.insert(number, taken);
        Some(seat)
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }
}

fn make_room(open: &mut HashMap<u64, Open>) -> bool {
    let mut held: HashMap<IpAddr, usize> = HashMap::new();
    for one in open.values() {
        *held.entry(one.owner).or_default() += 1;
    }
    let waiting = open.iter().filter_map(|(number, one)| {
        let since = one.since.load(Ordering::Relaxed);
        let held = held.get(&one.owner).copied().unwrap_or_default();
        (since != BUSY).then_some((held, std::cmp::Reverse(since), *number))
    });
    let Some((_, _, number)) = waiting.max() else {
        return false;
    };
    if let Some(cut) = open.remove(&number) {
        cut.cut.cancel();
    }
    true
}

/// Whose a connection is: of IPv6 a network of 64 bits is one customer's.
fn owner(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

impl Seat {
    /// Cancelled when the connection is to end.
    pub(super) const fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// A request has come: from the end of its body until the guard goes, the connection is being worked for.
    pub(super) fn request(&self, body: Body) -> (Body, Working) {
        let working = Working {
            admission: Arc::clone(&self.admission),
            since: Arc::clone(&self.since),
            answered: Arc::default(),
        };
        if body.is_end_stream() {
            self.since.store(BUSY, Ordering::Relaxed);
            return (body, working);
        }
        // The head was the last that has come.
        self.since.store(self.admission.tick(), Ordering::Relaxed);
        let watched = Watched {
            body,
            since: Arc::clone(&self.since),
            answered: Arc::clone(&working.answered),
        };
        (Body::new(watched), working)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.admission.open.lock().remove(&self.number);
        self.admission.changed.notify_one();
    }
}

/// A request is being worked on; when this goes, the connection waits for its client again.
#[derive(Debug)]
pub(super) struct Working {
    admission: Arc<Admission>,
    since: Arc<AtomicU64>,
    answered: Arc<AtomicBool>,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.answered.store(true, Ordering::Relaxed);
        self.since.store(self.admission.tick(), Ordering::Relaxed);
        self.admission.changed.notify_one();
    }
}

/// A body at whose end the connection no longer waits for its client.
struct Watched {
    body: Body,
    since: Arc<AtomicU64>,
    /// What is left of a refused body is read after its answer.
    answered: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let has_ended = matches!(polled, Poll::Ready(None)) || self.body.is_end_stream();
        if has_ended && !self.answered.load(Ordering::Relaxed) {
            self.since.store(BUSY, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    const NOISY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const QUIET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    fn seat(admission: &Arc<Admission>, peer: IpAddr) -> Option<Seat> {
        admission.try_seat(peer, &CancellationToken::new())
    }

    #[test]
    fn who_has_the_most_makes_way_with_the_one_that_waits_longest() {
        let admission = Admission::new(4);
        let quiet = seat(&admission, QUIET).unwrap();
        let noisy: Vec<Seat> = (0..3).map(|_| seat(&admission, NOISY).unwrap()).collect();
        // The first of the noisy ones has just been answered: the second waits longest now.
        drop(noisy[0].request(Body::empty()).1);
        let newcomer = seat(&admission, QUIET).unwrap();
        let cut: Vec<bool> = noisy.iter().map(|seat| seat.cut().is_cancelled()).collect();
        assert_eq!(cut, [false, true, false]);
        assert!(!quiet.cut().is_cancelled() && !newcomer.cut().is_cancelled());
    }

    #[test]
    fn networks_of_ipv6_count_as_one_owner() {
        let admission = Admission::new(3);
        let quiet = seat(&admission, QUIET).unwrap();
        let one = seat(&admission, "2001:db8::1".parse().unwrap()).unwrap();
        let _other = seat(&admission, "2001:db8::2".parse().unwrap()).unwrap();
        let _newcomer = seat(&admission, QUIET).unwrap();
        assert!(one.cut().is_cancelled() && !quiet.cut().is_cancelled());
    }

    #[tokio::test]
    async fn what_is_worked_on_is_never_cut_and_a_body_that_is_waited_for_is() {
        let admission = Admission::new(1);
        let busy = seat(&admission, NOISY).unwrap();
        let (_, working) = busy.request(Body::empty());
        assert!(seat(&admission, QUIET).is_none());
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.seat(QUIET, &CancellationToken::new()).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished() && !busy.cut().is_cancelled());
        drop(working);
        let second = waiting.await.unwrap();
        assert!(busy.cut().is_cancelled());

        let (body, _working) = second.request(Body::from("abc"));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        assert!(seat(&admission, NOISY).is_none(), "the whole body is there");
        drop(second);
        let third = seat(&admission, NOISY).unwrap();
        let slow = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let (_body, _working) = third.request(slow);
        assert!(seat(&admission, QUIET).is_some());
        assert!(third.cut().is_cancelled());
    }

    #[test]
    fn a_seat_that_is_left_is_free() {
        let admission = Admission::new(1);
        for _ in 0..3 {
            let seat = seat(&admission, NOISY).unwrap();
            assert!(!seat.cut().is_cancelled());
        }
    }
}
