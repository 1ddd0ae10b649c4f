-- Where people are told of requests, and what they are told.

CREATE TABLE notice_channels (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    spec          TEXT    NOT NULL,
    -- The box with its password or signing key.
    secret        BLOB,
    created_at    BIGINT  NOT NULL,
    cursor_seq    BIGINT  NOT NULL,
    delivered_at  BIGINT,
    last_error    TEXT,
    error_at      BIGINT,
    failing_since BIGINT,
    given_up      BIGINT  NOT NULL DEFAULT 0
);

-- Sealed, by the SHA-256 of the box: kept while a request for it waits, and as long as its channel names it.
CREATE TABLE notice_secrets (
    hash       BLOB   NOT NULL PRIMARY KEY,
    sealed     BLOB   NOT NULL,
    created_at BIGINT NOT NULL
);

-- What is to be told, written with what it tells of; rows go when every channel has them.
CREATE TABLE notices (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    request_id BIGINT NOT NULL
);

ALTER TABLE requests ADD COLUMN reminded_at BIGINT;

CREATE INDEX requests_to_remind ON requests (expires_at) WHERE state = 'pending' AND reminded_at IS NULL;
