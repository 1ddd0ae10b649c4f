-- Searching. Every index ends with the number and the time, so a page of any filter is read off indexes, in order, at any depth.

DROP INDEX events_by_time;
CREATE INDEX events_by_id ON events (event_id, severity, seq, at);

-- Whom an event names, as names are compared.
CREATE TABLE event_names (
    name     TEXT   NOT NULL,
    event_id BIGINT NOT NULL,
    severity TEXT   NOT NULL,
    seq      BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (name, event_id, severity, seq)
) WITHOUT ROWID;

-- The same of the newest events, in order of recording: a page of this is written, not one for each name. From time to time all of it
-- moves over.
CREATE TABLE event_names_recent (
    seq      BIGINT NOT NULL,
    name     TEXT   NOT NULL,
    event_id BIGINT NOT NULL,
    severity TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (seq, name)
) WITHOUT ROWID;

-- Which numbers of a list belong to which time: from `first` on, to the next mark, the times lie in `slot` or the one before.
-- `latest` is the highest slot so far: a mark below it is of a clock that was set back.
CREATE TABLE time_marks (
    list   TEXT   NOT NULL,
    first  BIGINT NOT NULL,
    slot   BIGINT NOT NULL,
    latest BIGINT NOT NULL,
    PRIMARY KEY (list, first)
) WITHOUT ROWID;

CREATE INDEX time_marks_by_latest ON time_marks (list, latest, first);
CREATE INDEX time_marks_set_back ON time_marks (list, slot, first) WHERE slot < latest;

ALTER TABLE requests ADD COLUMN operation_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN initiator_key TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN decided_by_key TEXT;

CREATE INDEX requests_by_operation ON requests (state, operation_id, id, created_at);
CREATE INDEX requests_by_initiator ON requests (initiator_key, state, operation_id, id, created_at);
CREATE INDEX requests_by_decider ON requests (decided_by_key, state, operation_id, id, created_at) WHERE decided_by_key IS NOT NULL;
