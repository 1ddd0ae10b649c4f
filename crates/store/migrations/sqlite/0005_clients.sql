-- Registered clients, and what each logon is for. Logons and codes live for minutes, so those that are under way begin again.

CREATE TABLE clients (
    id          TEXT   NOT NULL PRIMARY KEY,
    spec        TEXT   NOT NULL,
    secret_hash BLOB,
    created_at  BIGINT NOT NULL
);

DROP TABLE logon_flows;

CREATE TABLE logon_flows (
    id               TEXT   NOT NULL PRIMARY KEY,
    cookie_hash      BLOB   NOT NULL,
    csrf             TEXT   NOT NULL,
    client           TEXT   NOT NULL,
    resource         TEXT   NOT NULL,
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

DROP TABLE authorization_codes;

CREATE TABLE authorization_codes (
    hash             BLOB   NOT NULL PRIMARY KEY,
    chain            TEXT   NOT NULL UNIQUE,
    client           TEXT   NOT NULL,
    resource         TEXT   NOT NULL,
    redirect         TEXT   NOT NULL,
    challenge        BLOB   NOT NULL,
    account_id       BIGINT NOT NULL REFERENCES accounts (id),
    account_revision BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    used_at          BIGINT
);

CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

ALTER TABLE accounts ADD COLUMN expires_at BIGINT;
ALTER TABLE accounts ADD COLUMN mfa BIGINT NOT NULL DEFAULT 0;

-- Whose a counter of tries is, so that an administrator can unlock; and by age, so that old ones go.
ALTER TABLE attempts ADD COLUMN whose TEXT NOT NULL DEFAULT '';

CREATE INDEX attempts_by_whose ON attempts (whose);
CREATE INDEX attempts_by_age ON attempts (last_at);

-- From where people log on: the hash of a name and a network.
CREATE TABLE known_sources (
    source  BLOB   NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

CREATE INDEX known_sources_by_age ON known_sources (seen_at);
