-- A batch job's journal: what happened to it, in order, and nothing else. Rows are added, never changed. A row is what
-- became true in one commit: `events` is a JSON array (moongate.batch.events). No column holds a prompt or an answer.

CREATE TABLE commits (
    seq    INTEGER PRIMARY KEY,
    at     REAL NOT NULL,
    events TEXT NOT NULL
) STRICT;
