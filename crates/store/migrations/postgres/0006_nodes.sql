-- What every node has committed, for the others: the one order of all groups. Without gaps: each number is the one
-- before and one more, and two nodes cannot write the same one.
CREATE TABLE groups (
    seq BIGINT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    -- The decisions; NULL where no other node was there to read them.
    payload BYTEA,
    -- What the next group goes on counting from.
    next_ordinal BIGINT NOT NULL,
    dedupe_partition BIGINT NOT NULL,
    dedupe_rows BIGINT NOT NULL,
    dedupe_expiry_us BIGINT NOT NULL,
    log_partition BIGINT NOT NULL,
    log_rows BIGINT NOT NULL,
    log_seq BIGINT NOT NULL,
    log_published_us BIGINT NOT NULL,
    -- Whether something was removed because its time was over.
    purged BOOLEAN NOT NULL
);
-- Read once by each node and gone in a second: not worth the time that making it smaller takes.
ALTER TABLE groups ALTER COLUMN payload SET STORAGE EXTERNAL;

-- The nodes that are there, and how far each has read.
CREATE TABLE nodes (
    epoch BIGINT PRIMARY KEY,
    read_upto BIGINT NOT NULL,
    seen TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- Work that one node does for all.
CREATE TABLE leases (
    name TEXT COLLATE "C" PRIMARY KEY,
    epoch BIGINT NOT NULL,
    until TIMESTAMPTZ NOT NULL
);

-- Calls that were counted. Nobody misses them after a crash.
CREATE UNLOGGED TABLE windows (
    key BYTEA PRIMARY KEY,
    started_us BIGINT NOT NULL,
    ends_us BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    slides BOOLEAN NOT NULL
);
CREATE INDEX windows_end ON windows (ends_us);

-- Sealed values that one node has begun something with and whichever is asked takes, once.
CREATE UNLOGGED TABLE kept (
    key BYTEA PRIMARY KEY,
    expires_us BIGINT NOT NULL,
    value BYTEA NOT NULL
);
CREATE INDEX kept_expiry ON kept (expires_us);

-- The lowest number of a migration that a program has to know to work here. A migration that only adds leaves it.
CREATE TABLE compatibility (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    oldest_known BIGINT NOT NULL
);
INSERT INTO compatibility VALUES (1, 0);
