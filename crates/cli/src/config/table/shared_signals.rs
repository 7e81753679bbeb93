//! Limits of what other parties' signals, and the calls about them, may cost.

use super::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::limit(
        "set-future-skew",
        "TIME",
        "5m",
        "How far ahead of our clock the `iat` of a Security Event Token may be",
    ),
    Setting::limit(
        "set-expiry-skew",
        "TIME",
        "60s",
        "How far past its `exp`, or ahead of its `nbf`, a Security Event Token is still taken",
    ),
    Setting::limit(
        "set-verifications",
        "N",
        "2",
        "Signatures of one provider's Security Event Tokens that are checked at one time; further ones wait for their turn",
    ),
    Setting::limit(
        "stream-poll-interval",
        "TIME",
        "5s",
        "Time between two polls of an incoming stream that do not wait",
    ),
    Setting::limit(
        "stream-long-poll",
        "TIME",
        "75s",
        "Time that a poll may take that waits at the transmitter",
    ),
    Setting::limit(
        "stream-call-timeout",
        "TIME",
        "20s",
        "Time that any other call of a transmitter may take",
    ),
    Setting::limit("stream-poll-events", "N", "100", "Tokens that one poll asks for at the most"),
    Setting::limit(
        "stream-poll-acks",
        "N",
        "1000",
        "Acknowledgements that are told with one poll at the most",
    ),
    Setting::limit(
        "stream-backoff",
        "TIME",
        "1s",
        "First wait after a failed call of a transmitter; it doubles",
    ),
    Setting::limit(
        "stream-backoff-cap",
        "TIME",
        "5m",
        "Longest wait after a failed call of a transmitter, whatever its Retry-After",
    ),
    Setting::limit(
        "stream-read-again",
        "TIME",
        "5s",
        "Time between two looks at what a transmitter has made of a change that it took without deciding",
    ),
    Setting::limit("stream-read-again-times", "N", "5", "How often it is looked"),
    Setting::limit(
        "stream-metadata-age",
        "TIME",
        "1d",
        "How old the metadata of a stream's transmitter grows before it is read again",
    ),
    Setting::limit(
        "stream-delete-horizon",
        "TIME",
        "7d",
        "How long it is tried to delete a stream at its transmitter",
    ),
    Setting::limit(
        "stream-last-words",
        "TIME",
        "2s",
        "How long calls of transmitters that have begun may take when the process ends; 2s at the most",
    ),
    Setting::limit(
        "stream-idle-poll",
        "TIME",
        "60s",
        "Time between two polls of a stream that is paused or disabled: there may be word that it no longer is",
    ),
    Setting::limit(
        "event-hook-events-per-day",
        "N",
        "400000",
        "Events that all event hooks together are given in 24 hours; past it they are given none",
    ),
    Setting::limit(
        "event-hook-warning",
        "N",
        "280000",
        "From so many of them on the System Log warns",
    ),
];
