-- Who stands behind a request, how it was decided, and what keeps one account from asking for too much.

ALTER TABLE accounts ADD COLUMN person_key TEXT;
CREATE INDEX accounts_by_person ON accounts (person_key) WHERE person_key IS NOT NULL;
CREATE INDEX accounts_by_owner ON accounts (owner_id) WHERE owner_id IS NOT NULL;

-- Whoever ceased to own a service, or to be one person with another account, still stands behind what it asks for, for a while.
CREATE TABLE former_ties (
    account_id BIGINT NOT NULL REFERENCES accounts (id),
    other_id   BIGINT NOT NULL REFERENCES accounts (id),
    part       TEXT   NOT NULL,
    until      BIGINT NOT NULL,
    PRIMARY KEY (account_id, other_id, part)
);

-- The accounts that stand behind it, as JSON.
ALTER TABLE requests ADD COLUMN behind TEXT;
-- By which factor, and from where it was decided, as JSON.
ALTER TABLE requests ADD COLUMN decided_from TEXT;
-- Of operation and subject alone: the same thing asked for again has the same.
ALTER TABLE requests ADD COLUMN same_as BLOB;

CREATE INDEX requests_by_asker ON requests (initiator_id, state);
CREATE INDEX requests_by_rejection ON requests (initiator_id, decided_at) WHERE state = 'rejected';
CREATE INDEX requests_by_subject ON requests (initiator_id, same_as, decided_at) WHERE same_as IS NOT NULL;
