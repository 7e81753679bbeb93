-- What is read at the start. A Security Event Token has nothing that expires.
DROP INDEX receipts_expiry;
CREATE INDEX receipts_signals ON receipts (received_us, id, expires_us) WHERE kind = 'risk_events';
