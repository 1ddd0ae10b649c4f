-- What a request would take away, to look at: what the same account asked for in the same backup before.
CREATE INDEX requests_by_backup_and_asker ON requests (backup_id, initiator_id, id);
