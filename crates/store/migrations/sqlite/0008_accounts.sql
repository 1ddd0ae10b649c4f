-- One-time links for people: invitations, and new credentials in the place of lost ones. A row is what a change of an account asked
-- for; whoever asked has the link made, anew if need be, and each ends the one before.

CREATE TABLE account_links (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT NOT NULL REFERENCES accounts (id),
    kind       TEXT   NOT NULL,
    asked_by   BIGINT NOT NULL REFERENCES accounts (id),
    open_until BIGINT NOT NULL,
    hash       BLOB   UNIQUE,
    made_at    BIGINT,
    expires_at BIGINT,
    progress   TEXT,
    used_at    BIGINT,
    voided_at  BIGINT
);

CREATE INDEX account_links_by_account ON account_links (account_id);
CREATE INDEX sessions_by_account ON sessions (account_id, ended_at);

-- A service's tokens are made by somebody else.
ALTER TABLE tokens ADD COLUMN expires_at BIGINT;
ALTER TABLE tokens ADD COLUMN made_by BIGINT;
