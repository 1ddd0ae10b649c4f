-- One-time links for people: invitations, and new factors in the place of lost ones.

CREATE TABLE account_links (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT NOT NULL REFERENCES accounts (id),
    kind       TEXT   NOT NULL,
    hash       BLOB   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    progress   TEXT,
    used_at    BIGINT
);

CREATE INDEX account_links_by_account ON account_links (account_id);
CREATE INDEX sessions_by_account ON sessions (account_id, ended_at);
