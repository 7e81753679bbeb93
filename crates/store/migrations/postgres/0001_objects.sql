-- The same tables as for SQLite; see there for what they are.
CREATE TABLE epochs (
    epoch BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_us BIGINT NOT NULL
);

CREATE TABLE objects (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    parent TEXT COLLATE "C",
    natural_key TEXT COLLATE "C",
    expires_us BIGINT,
    ordinal BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX objects_natural ON objects (kind, natural_key) WHERE natural_key IS NOT NULL;
CREATE INDEX objects_parent ON objects (kind, parent, ordinal) WHERE parent IS NOT NULL;
CREATE UNIQUE INDEX objects_ordinal ON objects (kind, ordinal);
CREATE INDEX objects_expiry ON objects (expires_us) WHERE expires_us IS NOT NULL;

CREATE TABLE receipts (
    id TEXT COLLATE "C" PRIMARY KEY,
    provider TEXT COLLATE "C" NOT NULL,
    received_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX receipts_expiry ON receipts (expires_us);
CREATE INDEX receipts_received ON receipts (received_us);

CREATE TABLE partitions (
    table_set TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    rows_written BIGINT NOT NULL DEFAULT 0,
    first_seq BIGINT,
    last_seq BIGINT,
    first_us BIGINT,
    last_us BIGINT,
    PRIMARY KEY (table_set, number)
);
