-- One start of a process, so that ids made in it are its own.
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY AUTOINCREMENT,
    started_us INTEGER NOT NULL
) STRICT;

-- What an organisation keeps. The document is the truth; the columns beside it are its keys.
CREATE TABLE objects (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT,
    natural_key TEXT,
    expires_us INTEGER,
    ordinal INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX objects_natural ON objects (kind, natural_key) WHERE natural_key IS NOT NULL;
CREATE INDEX objects_parent ON objects (kind, parent, ordinal) WHERE parent IS NOT NULL;
CREATE UNIQUE INDEX objects_ordinal ON objects (kind, ordinal);
CREATE INDEX objects_expiry ON objects (expires_us) WHERE expires_us IS NOT NULL;

-- What was received, once, as it came.
CREATE TABLE receipts (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_expiry ON receipts (expires_us);
CREATE INDEX receipts_received ON receipts (received_us);

-- Tables of one form that follow each other in time; the last one of a set takes the writes.
CREATE TABLE partitions (
    table_set TEXT NOT NULL,
    number INTEGER NOT NULL,
    rows_written INTEGER NOT NULL DEFAULT 0,
    first_seq INTEGER,
    last_seq INTEGER,
    first_us INTEGER,
    last_us INTEGER,
    PRIMARY KEY (table_set, number)
) STRICT, WITHOUT ROWID;
