-- What both receivers keep: the same rows and indexes as Watchfire's for a token, without its partitions.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, risk TEXT NOT NULL DEFAULT 'LOW');
CREATE TABLE seen (issuer TEXT NOT NULL, jti TEXT NOT NULL, PRIMARY KEY (issuer, jti)) WITHOUT ROWID;
CREATE TABLE receipts (id TEXT PRIMARY KEY, issuer TEXT NOT NULL, received TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE causes (user_id INTEGER NOT NULL, issuer TEXT NOT NULL, level TEXT NOT NULL, reason TEXT, since TEXT NOT NULL,
                     PRIMARY KEY (user_id, issuer));
CREATE TABLE log (seq INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, published TEXT NOT NULL, event_type TEXT NOT NULL,
                  severity TEXT NOT NULL, outcome TEXT NOT NULL, actor_id TEXT NOT NULL, client_ip TEXT,
                  transaction_id TEXT NOT NULL, receipt_id TEXT, detail TEXT NOT NULL);
CREATE INDEX log_type ON log (event_type);
CREATE INDEX log_actor ON log (actor_id);
CREATE INDEX log_ip ON log (client_ip);
CREATE TABLE log_targets (target_id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (target_id, seq)) WITHOUT ROWID;
CREATE INDEX log_targets_seq ON log_targets (seq);
CREATE VIRTUAL TABLE log_words USING fts5(words, content='', detail=none);
