-- Remote servers to which backups are copied.

CREATE TABLE service_providers (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE,
    spec       TEXT    NOT NULL,
    -- Sealed; null until it is given, and again when somebody else may be at the other end.
    password   BLOB,
    created_at BIGINT  NOT NULL
);

-- Copies of backups: what is to be done, is being done, and was.
CREATE TABLE copies (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    provider_id BIGINT  NOT NULL REFERENCES service_providers (id),
    -- No reference: a backup may go, what was copied of it stays told.
    backup_id   BIGINT  NOT NULL,
    backup      TEXT    NOT NULL,
    target      TEXT    NOT NULL,
    scheduled   BIGINT  NOT NULL,
    state       TEXT    NOT NULL,
    asked_at    BIGINT  NOT NULL,
    asked_by    TEXT    NOT NULL,
    due_at      BIGINT  NOT NULL,
    attempts    BIGINT  NOT NULL DEFAULT 0,
    begun_at    BIGINT,
    ended_at    BIGINT,
    objects     BIGINT  NOT NULL DEFAULT 0,
    sent        BIGINT  NOT NULL DEFAULT 0,
    sent_bytes  BIGINT  NOT NULL DEFAULT 0,
    detail      TEXT
);

CREATE INDEX copies_by_provider ON copies (provider_id, id);
CREATE INDEX copies_by_backup ON copies (provider_id, backup_id, id);
-- Who asks twice for the same gets the same: one open copy of a backup at a provider.
CREATE UNIQUE INDEX copies_open ON copies (provider_id, backup_id) WHERE state IN ('due', 'running');
CREATE INDEX copies_due ON copies (state, due_at) WHERE state IN ('due', 'running');
