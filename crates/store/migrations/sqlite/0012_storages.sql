-- Storages: where they are, what they keep for how long.

-- Null: a folder of its own below the data folder.
ALTER TABLE storages ADD COLUMN path TEXT;
-- What its folder says of itself: an empty mount point is not taken for it.
ALTER TABLE storages ADD COLUMN marker TEXT;
ALTER TABLE storages ADD COLUMN quota_bytes BIGINT;
ALTER TABLE storages ADD COLUMN immutable_days BIGINT;
ALTER TABLE storages ADD COLUMN changed_at BIGINT;
-- The request that would delete it. Whether it waits, says the request: nothing is to be cleared when it is over.
ALTER TABLE storages ADD COLUMN held_by BIGINT;
-- 1: out of service, its bytes on their way out; held_by says on whose order, 0 stands for none.
ALTER TABLE storages ADD COLUMN removing BIGINT NOT NULL DEFAULT 0;
-- The sum of its objects' sizes, kept in the transactions that add and forget them: an upload asks it.
ALTER TABLE storages ADD COLUMN used_bytes BIGINT NOT NULL DEFAULT 0;

UPDATE storages SET used_bytes = (
    SELECT CAST(coalesce(sum(o.size), 0) AS BIGINT) FROM objects o JOIN backups b ON b.id = o.backup_id WHERE b.storage_id = storages.id
);

-- What a backup is kept for: ordinary or log.
ALTER TABLE backups ADD COLUMN kind TEXT NOT NULL DEFAULT 'ordinary';
