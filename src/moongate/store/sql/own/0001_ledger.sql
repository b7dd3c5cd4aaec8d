-- What the command line's own calls used. Amounts are nano-units of `currency`, times are seconds since the epoch.
-- No column holds a prompt, an answer or a key.

CREATE TABLE ledger (
    id                INTEGER PRIMARY KEY,
    at                REAL NOT NULL,
    model             TEXT NOT NULL,
    asked_model       TEXT NOT NULL,
    provider          TEXT NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens     INTEGER NOT NULL,
    reasoning_tokens  INTEGER NOT NULL,
    cost_nano         INTEGER,
    currency          TEXT NOT NULL,
    price_basis       TEXT NOT NULL
) STRICT;

CREATE INDEX ledger_by_time ON ledger (at);
