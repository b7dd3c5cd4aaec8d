-- A batch job's journal: what happened to it, in order, and nothing else. Rows are added, never changed. `event` is
-- JSON (moongate.batch.events); `line` is the line that a result belongs to, so that results are found in input order.
-- No column holds a prompt or an answer.

CREATE TABLE events (
    seq   INTEGER PRIMARY KEY,
    at    REAL NOT NULL,
    line  INTEGER,
    event TEXT NOT NULL
) STRICT;

CREATE INDEX results ON events (line) WHERE line IS NOT NULL;
