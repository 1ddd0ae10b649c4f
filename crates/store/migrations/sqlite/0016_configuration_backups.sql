-- Backups of the server's own configuration.

-- A file and its row: the row is there before the file ('making') and after it ('deleted'), so a restart knows what to clear away.
CREATE TABLE configuration_backups (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    occasion      TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    made_at       BIGINT  NOT NULL,
    made_by       TEXT,
    size          BIGINT  NOT NULL,
    hash          BLOB,
    passphrase_id BIGINT  NOT NULL,
    verified_at   BIGINT,
    fault         TEXT
);

-- What the files are encrypted with, sealed. One that was asked for and does not hold yet has no `held_since`.
CREATE TABLE configuration_passphrases (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    sealed     BLOB    NOT NULL,
    asked_at   BIGINT  NOT NULL,
    held_since BIGINT
);
