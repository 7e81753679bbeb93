-- Receipts of two kinds: risk events, and Security Event Tokens with what became of them.
ALTER TABLE receipts ADD COLUMN kind TEXT NOT NULL DEFAULT 'risk_events';
ALTER TABLE receipts ADD COLUMN note TEXT;
CREATE INDEX receipts_provider ON receipts (provider, received_us);
