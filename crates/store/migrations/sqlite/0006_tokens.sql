-- Token chains: everything that comes from one logon. A refresh token is made of its chain and generation, so none is kept; an
-- access token is signed, so none is kept either. Logons from before begin again.

CREATE TABLE token_chains (
    id               TEXT   NOT NULL PRIMARY KEY,
    client           TEXT   NOT NULL,
    resource         TEXT   NOT NULL,
    account_id       BIGINT NOT NULL REFERENCES accounts (id),
    account_revision BIGINT NOT NULL,
    address          TEXT   NOT NULL,
    key_thumbprint   TEXT,
    generation       BIGINT NOT NULL,
    rotated_at       BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    ends_at          BIGINT NOT NULL,
    ended_at         BIGINT
);

CREATE INDEX token_chains_by_account ON token_chains (account_id, ended_at);
CREATE INDEX token_chains_by_end ON token_chains (ends_at);

DROP TABLE access_tokens;
DELETE FROM sessions;

-- What access tokens are signed with; the private parts are sealed.
CREATE TABLE signing_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    sealed     BLOB   NOT NULL,
    public     BLOB   NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

-- Proofs of possession that were shown (DPoP), so that each counts once.
CREATE TABLE key_proofs (
    hash       BLOB   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX key_proofs_by_end ON key_proofs (expires_at);

-- Logons of hosts without a browser: a device code for the host, a short user code for the person.
CREATE TABLE device_logons (
    device_hash      BLOB   NOT NULL PRIMARY KEY,
    user_hash        BLOB   NOT NULL UNIQUE,
    chain            TEXT   NOT NULL UNIQUE,
    client           TEXT   NOT NULL,
    resource         TEXT   NOT NULL,
    address          TEXT   NOT NULL,
    state            TEXT   NOT NULL,
    account_id       BIGINT,
    account_revision BIGINT,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    next_at          BIGINT NOT NULL,
    poll_seconds     BIGINT NOT NULL
);

CREATE INDEX device_logons_by_end ON device_logons (expires_at);
CREATE INDEX device_logons_by_address ON device_logons (address, expires_at);
