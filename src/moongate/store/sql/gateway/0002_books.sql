-- Limits of keys, leases of workers, roll-ups of the ledger. Amounts are nano-units of the account's currency, times are
-- seconds since the epoch, days are counted from the epoch in UTC.

ALTER TABLE keys ADD COLUMN models TEXT;             -- JSON list of ids; NULL: all
ALTER TABLE keys ADD COLUMN providers TEXT;          -- JSON list of names; NULL: all
ALTER TABLE keys ADD COLUMN budget_day_nano INTEGER; -- NULL: no limit, as in all that follow
ALTER TABLE keys ADD COLUMN budget_month_nano INTEGER;
ALTER TABLE keys ADD COLUMN rpm INTEGER;
ALTER TABLE keys ADD COLUMN tpm INTEGER;
ALTER TABLE keys ADD COLUMN concurrency INTEGER;
ALTER TABLE keys ADD COLUMN expires_at REAL;
ALTER TABLE keys ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'; -- JSON list
ALTER TABLE keys ADD COLUMN rotated_at REAL;
ALTER TABLE keys ADD COLUMN revision INTEGER NOT NULL DEFAULT 0; -- of the last change, see `revisions`

-- Counted up with every change of the keys, so that a worker reads again only what changed.
CREATE TABLE revisions (
    what   TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO revisions (what, number) VALUES ('keys', 0);

-- The key for /admin and /metrics.
CREATE TABLE admin (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    sha256     TEXT NOT NULL,
    prefix     TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;

-- The ledger again, without the indexes and references that each line paid for (half the time of writing one): lines
-- come from journals, each exactly once, and what they add up to stands in `usage`.
CREATE TABLE lines (
    id                INTEGER PRIMARY KEY,
    at                REAL NOT NULL,
    account_id        INTEGER NOT NULL,
    key_id            INTEGER NOT NULL,
    request_id        TEXT NOT NULL,
    model             TEXT NOT NULL,
    asked_model       TEXT NOT NULL,
    provider          TEXT NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens     INTEGER NOT NULL,
    reasoning_tokens  INTEGER NOT NULL,
    cost_nano         INTEGER,
    currency          TEXT NOT NULL,
    price_basis       TEXT NOT NULL,
    latency_ms        INTEGER NOT NULL,
    outcome           TEXT NOT NULL,
    status            INTEGER NOT NULL
) STRICT;

INSERT INTO lines SELECT * FROM ledger;
INSERT INTO lines (at, account_id, key_id, request_id, model, asked_model, provider, prompt_tokens, completion_tokens,
                   cached_tokens, reasoning_tokens, cost_nano, currency, price_basis, latency_ms, outcome, status)
SELECT r.at, r.account_id, r.key_id, r.request_id, '', r.asked_model, r.provider, 0, 0, 0, 0, 0, a.currency,
       'the gateway ended before the answer did: not charged', 0, 'lost', 0
  FROM reservations r JOIN accounts a ON a.id = r.account_id;
DROP TABLE reservations;
DROP TABLE ledger;
ALTER TABLE lines RENAME TO ledger;

-- What the ledger adds up to. A call that no price is known for counts in `unpriced` and costs nothing.
CREATE TABLE usage (
    key_id            INTEGER NOT NULL,
    day               INTEGER NOT NULL,
    provider          TEXT NOT NULL,
    model             TEXT NOT NULL, -- that answered, or else that was asked for
    currency          TEXT NOT NULL,
    calls             INTEGER NOT NULL,
    failed            INTEGER NOT NULL,
    unpriced          INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens     INTEGER NOT NULL,
    reasoning_tokens  INTEGER NOT NULL,
    cost_nano         INTEGER NOT NULL,
    latency_ms        INTEGER NOT NULL,
    PRIMARY KEY (key_id, day, provider, model, currency)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_by_day ON usage (day);

INSERT INTO usage
SELECT key_id, CAST(at / 86400 AS INTEGER), provider, iif(model = '', asked_model, model), currency, count(*),
       sum(outcome <> 'ok'), sum(cost_nano IS NULL), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens),
       sum(reasoning_tokens), coalesce(sum(cost_nano), 0), sum(latency_ms)
  FROM ledger GROUP BY 1, 2, 3, 4, 5;

-- Who works on this file. A worker is alive as long as it holds the lock on the file named after its id.
CREATE TABLE workers (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    pid        INTEGER NOT NULL,
    started_at REAL NOT NULL
) STRICT;

-- What of a balance, of a budget or of the calls at once a worker may use without asking: free, held by calls in flight,
-- or used and not yet in the ledger.
CREATE TABLE leases (
    kind      TEXT NOT NULL,    -- balance, day, month, concurrency
    owner_id  INTEGER NOT NULL, -- an account's id for a balance, else a key's
    period    INTEGER NOT NULL, -- the day, or the first day of the month; else 0
    worker_id INTEGER NOT NULL,
    amount    INTEGER NOT NULL,
    wanted    INTEGER NOT NULL DEFAULT 0, -- another worker cannot go on without it
    PRIMARY KEY (kind, owner_id, period, worker_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX leases_wanted ON leases (worker_id) WHERE wanted;

-- Token buckets for requests and tokens a minute.
CREATE TABLE buckets (
    kind   TEXT NOT NULL, -- rpm, tpm
    key_id INTEGER NOT NULL,
    level  REAL NOT NULL,
    at     REAL NOT NULL,
    PRIMARY KEY (kind, key_id)
) STRICT, WITHOUT ROWID;

-- How far each journal is in the ledger.
CREATE TABLE journals (
    worker_id INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    position  INTEGER NOT NULL, -- bytes
    PRIMARY KEY (worker_id, number)
) STRICT, WITHOUT ROWID;
