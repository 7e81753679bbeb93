-- Rows of a thousand bytes and more do not belong into the tree of a random key: each had an overflow page of its
-- own, and each write touched two pages of its own. Rows now follow each other as they were written, and the keys
-- are indexes.
CREATE TABLE objects_in_order (
    ordinal INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT,
    natural_key TEXT,
    expires_us INTEGER,
    document TEXT NOT NULL
) STRICT;
INSERT INTO objects_in_order (ordinal, kind, id, parent, natural_key, expires_us, document)
    SELECT ordinal, kind, id, parent, natural_key, expires_us, document FROM objects ORDER BY ordinal;
DROP TABLE objects;
ALTER TABLE objects_in_order RENAME TO objects;
CREATE UNIQUE INDEX objects_id ON objects (kind, id);
CREATE UNIQUE INDEX objects_natural ON objects (kind, natural_key) WHERE natural_key IS NOT NULL;
-- An index holds the ordinal by itself.
CREATE INDEX objects_kind ON objects (kind);
CREATE INDEX objects_parent ON objects (kind, parent) WHERE parent IS NOT NULL;
CREATE INDEX objects_parent_id ON objects (kind, parent, id) WHERE parent IS NOT NULL;
CREATE INDEX objects_expiry ON objects (expires_us) WHERE expires_us IS NOT NULL;

CREATE TABLE receipts_in_order (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    provider TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    body TEXT NOT NULL,
    note TEXT
) STRICT;
INSERT INTO receipts_in_order (id, kind, provider, received_us, expires_us, body, note)
    SELECT id, kind, provider, received_us, expires_us, body, note FROM receipts ORDER BY received_us, id;
DROP TABLE receipts;
ALTER TABLE receipts_in_order RENAME TO receipts;
CREATE UNIQUE INDEX receipts_id ON receipts (id);
CREATE INDEX receipts_received ON receipts (received_us);
CREATE INDEX receipts_provider ON receipts (provider, received_us);
-- What is read at the start: signals that may still count.
CREATE INDEX receipts_signals ON receipts (received_us, id, expires_us) WHERE kind = 'risk_events';
