-- Commands that are held, and who runs them. Times are microseconds since the Unix epoch, in UTC.

-- Service accounts that get the commands that are addressed to them. One without a token gets none.
CREATE TABLE runners (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    added_at   BIGINT NOT NULL,
    token_hash BLOB   UNIQUE,
    token_at   BIGINT,
    seen_at    BIGINT,
    seen_from  TEXT
);

-- Commands that were allowed: by an approval, or at once while four-eyes authorization is off.
CREATE TABLE commands (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id   BIGINT UNIQUE REFERENCES requests (id),
    spec         TEXT   NOT NULL,
    digest       BLOB   NOT NULL,
    runner_id    BIGINT,
    initiator_id BIGINT NOT NULL,
    initiator    TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    allowed_at   BIGINT NOT NULL,
    -- Until when somebody must take it; once a runner has it, until when it must say what became of it.
    until        BIGINT NOT NULL,
    taken_at     BIGINT,
    taken_from   TEXT,
    ended_at     BIGINT,
    exit_code    BIGINT,
    signal       BIGINT,
    output       BLOB,
    errors       BLOB,
    output_cut   BIGINT NOT NULL DEFAULT 0,
    errors_cut   BIGINT NOT NULL DEFAULT 0,
    detail       TEXT
);

CREATE INDEX commands_by_runner ON commands (runner_id, id) WHERE state = 'waiting';
CREATE INDEX commands_by_end ON commands (until) WHERE state IN ('waiting', 'running');
