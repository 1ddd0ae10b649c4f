-- Logon: factors, flows, codes, sessions, tokens, tries, first administrators. Secrets are kept as hashes or sealed.

CREATE TABLE passwords (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    hash       TEXT   NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE totp_secrets (
    account_id  BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    sealed      BLOB   NOT NULL,
    last_step   BIGINT NOT NULL,
    enrolled_at BIGINT NOT NULL
);

CREATE TABLE logon_flows (
    id               TEXT   NOT NULL PRIMARY KEY,
    cookie_hash      BLOB   NOT NULL,
    csrf             TEXT   NOT NULL,
    client           TEXT   NOT NULL,
    redirect         TEXT   NOT NULL,
    challenge        BLOB   NOT NULL,
    state            TEXT,
    name             TEXT   NOT NULL,
    account_id       BIGINT,
    account_revision BIGINT,
    expires_at       BIGINT NOT NULL,
    revision         BIGINT NOT NULL
);

CREATE INDEX logon_flows_by_end ON logon_flows (expires_at);

CREATE TABLE authorization_codes (
    hash             BLOB   NOT NULL PRIMARY KEY,
    chain            TEXT   NOT NULL UNIQUE,
    client           TEXT   NOT NULL,
    redirect         TEXT   NOT NULL,
    challenge        BLOB   NOT NULL,
    account_id       BIGINT NOT NULL REFERENCES accounts (id),
    account_revision BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    used_at          BIGINT
);

CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

CREATE TABLE sessions (
    cookie_hash      BLOB   NOT NULL PRIMARY KEY,
    chain            TEXT   NOT NULL,
    account_id       BIGINT NOT NULL REFERENCES accounts (id),
    account_revision BIGINT NOT NULL,
    csrf             TEXT   NOT NULL,
    address          TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    seen_at          BIGINT NOT NULL,
    ended_at         BIGINT
);

CREATE INDEX sessions_by_chain ON sessions (chain);

CREATE TABLE access_tokens (
    hash             BLOB   NOT NULL PRIMARY KEY,
    chain            TEXT   NOT NULL,
    client           TEXT   NOT NULL,
    account_id       BIGINT NOT NULL REFERENCES accounts (id),
    account_revision BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    revoked_at       BIGINT
);

CREATE INDEX access_tokens_by_chain ON access_tokens (chain);

CREATE TABLE attempts (
    counter  TEXT   NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);

-- The one-time links of the two first administrators. What was entered waits here until the second factor is confirmed.
CREATE TABLE founding_links (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    hash          BLOB    NOT NULL UNIQUE,
    expires_at    BIGINT  NOT NULL,
    name          TEXT,
    password_hash TEXT,
    sealed_totp   BLOB,
    account_id    BIGINT,
    voided_at     BIGINT
);
