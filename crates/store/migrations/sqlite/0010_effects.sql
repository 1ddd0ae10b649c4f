-- How far the effect of an approval is, and time that ages.

-- When the undo window of an approval ends, and since when whoever approved was eligible: another time at the effect says that they lost it.
ALTER TABLE requests ADD COLUMN due_at BIGINT;
ALTER TABLE requests ADD COLUMN approver_eligible_at BIGINT;
-- Who vetoed, and what they said.
ALTER TABLE requests ADD COLUMN vetoed_by_id BIGINT;
ALTER TABLE requests ADD COLUMN vetoed_by TEXT;
ALTER TABLE requests ADD COLUMN veto_comment TEXT;

CREATE INDEX requests_waiting ON requests (due_at, id) WHERE effect IN ('waiting', 'postponed');
CREATE INDEX requests_waiting_in_backup ON requests (backup_id, id) WHERE effect IN ('waiting', 'postponed');
