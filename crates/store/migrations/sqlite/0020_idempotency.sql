-- Calls of the API that were made with an Idempotency-Key, for a day.
CREATE TABLE idempotency (
    account_id BIGINT NOT NULL,
    key_hash BLOB NOT NULL,
    -- Keyed, of what was called and with what.
    fingerprint BLOB NOT NULL,
    begun_at BIGINT NOT NULL,
    -- Both once it is answered; the answer without its status.
    status BIGINT,
    sealed BLOB,
    PRIMARY KEY (account_id, key_hash)
);

CREATE INDEX idempotency_by_time ON idempotency (begun_at);
