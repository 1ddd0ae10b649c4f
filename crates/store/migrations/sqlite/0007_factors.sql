-- Passkeys (WebAuthn), recovery codes, and what a logon remembers of the factors that were shown.

CREATE TABLE passkeys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id    BIGINT NOT NULL REFERENCES accounts (id),
    credential_id BLOB   NOT NULL UNIQUE,
    public_key    BLOB   NOT NULL,
    sign_count    BIGINT NOT NULL,
    label         TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    used_at       BIGINT
);

CREATE INDEX passkeys_by_account ON passkeys (account_id);

CREATE TABLE recovery_codes (
    account_id BIGINT NOT NULL REFERENCES accounts (id),
    hash       BLOB   NOT NULL,
    used_at    BIGINT,
    PRIMARY KEY (account_id, hash)
);

-- A set password may be good for one logon alone.
ALTER TABLE passwords ADD COLUMN must_change BIGINT NOT NULL DEFAULT 0;

-- What a logon waits for, and what it has seen.
ALTER TABLE logon_flows ADD COLUMN step TEXT NOT NULL DEFAULT 'first_factor';
ALTER TABLE logon_flows ADD COLUMN password_changed_at BIGINT;
ALTER TABLE logon_flows ADD COLUMN factor_at BIGINT;

-- When a second factor was last shown.
ALTER TABLE authorization_codes ADD COLUMN factor_at BIGINT;
ALTER TABLE sessions ADD COLUMN factor_at BIGINT;

-- What a browser was asked to sign: one at a time for each logon, session or caller, and once.
CREATE TABLE passkey_challenges (
    bound_to   TEXT   NOT NULL PRIMARY KEY,
    challenge  BLOB   NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX passkey_challenges_by_end ON passkey_challenges (expires_at);

-- An authenticator app that its owner has seen the secret of and not confirmed yet.
CREATE TABLE pending_totp (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    sealed     BLOB   NOT NULL,
    expires_at BIGINT NOT NULL
);
