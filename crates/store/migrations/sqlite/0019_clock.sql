-- What is known of the machine's clock: one row, written about once a minute and when it jumps.
CREATE TABLE clock (
    id          BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    wall        BIGINT NOT NULL,
    boot        BLOB   NOT NULL,
    -- Microseconds since then, suspended or not.
    running     BIGINT NOT NULL,
    -- How far ageing has come.
    reached     BIGINT NOT NULL,
    -- Small steps that are not forgotten yet, in microseconds.
    walked      BIGINT NOT NULL,
    jumps       BIGINT NOT NULL,
    -- While ageing stands still: what the clock should have shown, what it showed, and the time without any jump.
    jumped_from BIGINT,
    jumped_to   BIGINT,
    steady      BIGINT
);

-- Clocks that jumped and were confirmed, in this order: what was recorded before ages by the clock of today.
CREATE TABLE clock_corrections (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    stood_at     BIGINT NOT NULL,
    resumed_at   BIGINT NOT NULL,
    confirmed_by TEXT   NOT NULL
);
