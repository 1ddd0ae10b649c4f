-- Passkeys (WebAuthn) and recovery codes.

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
