-- Times are microseconds since the Unix epoch, in UTC. Columns are BIGINT, TEXT or BLOB alone.

CREATE TABLE settings (
    name     TEXT   NOT NULL PRIMARY KEY,
    value    TEXT   NOT NULL,
    revision BIGINT NOT NULL
);

CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    name_key    TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL,
    roles       TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    eligible_at BIGINT  NOT NULL,
    revision    BIGINT  NOT NULL
);

CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT  NOT NULL REFERENCES accounts (id),
    hash       BLOB    NOT NULL UNIQUE,
    label      TEXT    NOT NULL,
    rights     TEXT    NOT NULL,
    backups    TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    used_at    BIGINT,
    revoked_at BIGINT
);

CREATE INDEX tokens_by_account ON tokens (account_id);

CREATE TABLE storages (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,
    created_at BIGINT  NOT NULL
);

CREATE TABLE backups (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    storage_id BIGINT  NOT NULL REFERENCES storages (id),
    name       TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    created_by TEXT    NOT NULL,
    held_by    BIGINT,
    claimed    BIGINT  NOT NULL DEFAULT 0,
    UNIQUE (storage_id, name)
);

-- What the vault keeps. An object is visible when held_by is null: one fact, flipped for a whole batch in one transaction.
CREATE TABLE objects (
    backup_id     BIGINT NOT NULL REFERENCES backups (id),
    kind          TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    size          BIGINT NOT NULL,
    hash          BLOB   NOT NULL,
    received_at   BIGINT NOT NULL,
    received_by   TEXT   NOT NULL,
    account_id    BIGINT NOT NULL,
    held_by       BIGINT,
    claimed       BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (backup_id, kind, name)
) WITHOUT ROWID;

CREATE INDEX objects_held ON objects (held_by) WHERE held_by IS NOT NULL;
-- The cap on held bytes is asked with each delete: this answers it without the table.
CREATE INDEX objects_held_bytes ON objects (backup_id, size) WHERE held_by IS NOT NULL;

CREATE TABLE requests (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    state                TEXT    NOT NULL,
    operation            TEXT    NOT NULL,
    backup_id            BIGINT,
    target               TEXT    NOT NULL,
    initiator_id         BIGINT  NOT NULL,
    initiator            TEXT    NOT NULL,
    initiator_login_type BIGINT  NOT NULL,
    address              TEXT    NOT NULL,
    created_at           BIGINT  NOT NULL,
    sealed_at            BIGINT,
    expires_at           BIGINT,
    manifest             TEXT,
    digest               BLOB,
    summary              TEXT,
    decided_at           BIGINT,
    decided_by_id        BIGINT,
    decided_by           TEXT,
    comment              TEXT,
    reason               TEXT,
    effect               TEXT    NOT NULL,
    effect_at            BIGINT,
    effect_detail        TEXT
);

CREATE INDEX requests_by_state ON requests (state, id);
CREATE INDEX requests_by_backup ON requests (backup_id, state, id);
CREATE INDEX requests_by_effect ON requests (effect, id) WHERE effect IN ('due', 'failed');

-- What a request's manifest lists; it stays when the objects are gone.
CREATE TABLE request_objects (
    request_id  BIGINT NOT NULL REFERENCES requests (id),
    kind        TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    size        BIGINT NOT NULL,
    hash        BLOB   NOT NULL,
    received_at BIGINT NOT NULL,
    received_by TEXT   NOT NULL,
    PRIMARY KEY (request_id, kind, name)
) WITHOUT ROWID;

-- The event table is also the outbox: a receiver's cursor is the last sequence number it has.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         BIGINT  NOT NULL,
    event_id   BIGINT  NOT NULL,
    severity   TEXT    NOT NULL,
    request_id BIGINT,
    account    TEXT,
    body       TEXT    NOT NULL
);

CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_request ON events (request_id) WHERE request_id IS NOT NULL;

CREATE TABLE receivers (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    transport    TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    cursor_seq   BIGINT  NOT NULL,
    settled_seq  BIGINT  NOT NULL,
    delivered_at BIGINT,
    last_error   TEXT,
    error_at     BIGINT
);
