-- How far the index is when a journal of segments is in front of it: what came later is in the segments.
CREATE TABLE applied (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL
) STRICT;
-- Decisions that were acknowledged and that the index would not have: a defect, kept for whoever mends it.
CREATE TABLE held (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    decision BLOB NOT NULL,
    PRIMARY KEY (epoch, seq)
) STRICT;
