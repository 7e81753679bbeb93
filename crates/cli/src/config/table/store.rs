//! The store: its limits, and the journal in front of it.

use super::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::limit("store-readers", "N", "4", "Connections to the store that only read"),
    Setting::limit(
        "store-busy-timeout",
        "TIME",
        "2s",
        "How long a statement waits for a lock before the answer is 503",
    ),
    Setting::limit(
        "store-statement-timeout",
        "TIME",
        "60s",
        "How long a statement may take on PostgreSQL",
    ),
    Setting::limit(
        "node-turn-idle",
        "TIME",
        "2s",
        "How long a node may do nothing in its turn on PostgreSQL before it loses it",
    ),
    Setting::limit(
        "node-timeout",
        "TIME",
        "60s",
        "How long decisions are kept for a node that gives no sign of life",
    ),
    Setting::limit(
        "node-kept-groups",
        "N",
        "100000",
        "Groups of decisions that are kept for nodes that are behind; one that is further behind starts anew",
    ),
    Setting::limit(
        "log-retention",
        "TIME",
        "90d",
        "How long log events are kept at the least; they go by whole partitions",
    ),
    Setting::limit(
        "log-query-timeout",
        "TIME",
        "30s",
        "Time that a log query may take; then the answer is 503",
    ),
    Setting::limit(
        "log-rows-looked-at",
        "N",
        "50000",
        "Events that a log query looks at one by one, where SQL cannot say its filter, before it answers with what it has",
    ),
    Setting::limit(
        "log-rows-read-through",
        "N",
        "250000",
        "Events that a log query reads through, where no index leads to what it asks for, before it answers with what it has",
    ),
    Setting::limit(
        "log-partition-rows",
        "N",
        "1000000",
        "Log events in one partition of the store",
    ),
    Setting::limit(
        "dedupe-partition-rows",
        "N",
        "1000000",
        "Replay keys in one partition of the store",
    ),
    Setting::limit(
        "store-cached-answers",
        "N",
        "65536",
        "Answers about objects that the store's writer keeps in memory",
    ),
    Setting::limit(
        "store-cached-bytes",
        "SIZE",
        "32MiB",
        "Bytes of the documents of these objects as they are stored; in memory they take a few times that",
    ),
    Setting::limit(
        "index-wait",
        "TIME",
        "5s",
        "How long a read waits for the index to hold what was answered before it; then it takes what is there",
    ),
    Setting::limit(
        "store-page-cache",
        "SIZE",
        "32MiB",
        "Bytes of SQLite's pages that each connection keeps; they are used when they are needed",
    ),
    Setting::limit(
        "store-write-ahead",
        "SIZE",
        "16MiB",
        "Bytes of SQLite's write-ahead log after which its pages are copied back",
    ),
    Setting::limit(
        "journal",
        "KIND",
        "segments",
        "Where SQLite's decisions become durable: segments (files in front of it) or inline (its own transactions)",
    ),
    Setting::limit(
        "journal-first-segment-size",
        "SIZE",
        "256KiB",
        "Size of the first file of the journal; each one after it is twice as large",
    ),
    Setting::limit(
        "journal-segment-size",
        "SIZE",
        "8MiB",
        "Size of a file of the journal at the most",
    ),
    Setting::limit(
        "journal-backlog-bytes",
        "SIZE",
        "8MiB",
        "Bytes in the journal that the index may lag behind; past it commands wait, and then the answer is 503",
    ),
    Setting::limit(
        "node-look-interval",
        "TIME",
        "100ms",
        "How often a node on PostgreSQL looks at what others have decided, beside when it hears of it",
    ),
    Setting::limit(
        "node-stale-after",
        "TIME",
        "2s",
        "A node that has not seen for so long what others have decided is not ready and steps up",
    ),
];
