-- How far the index is when a journal of segments is in front of it: what came later is in the segments.
CREATE TABLE applied (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL
);
-- Decisions that were acknowledged and that the index would not have: a defect, kept for whoever mends it.
CREATE TABLE held (
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    reason TEXT NOT NULL,
    decision BYTEA NOT NULL,
    PRIMARY KEY (epoch, seq)
);
