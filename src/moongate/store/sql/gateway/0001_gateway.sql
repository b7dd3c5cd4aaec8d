-- The gateway's accounts, keys, ledger and reservations. Amounts are nano-units of the account's currency,
-- times are seconds since the epoch. No column holds a prompt, an answer or a key.

CREATE TABLE accounts (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    currency     TEXT NOT NULL,
    balance_nano INTEGER NOT NULL,
    created_at   REAL NOT NULL
) STRICT;

CREATE TABLE keys (
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    sha256     TEXT NOT NULL UNIQUE,
    prefix     TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_at REAL NOT NULL,
    revoked_at REAL
) STRICT;

CREATE INDEX keys_by_account ON keys (account_id);

CREATE TABLE ledger (
    id                INTEGER PRIMARY KEY,
    at                REAL NOT NULL,
    account_id        INTEGER NOT NULL REFERENCES accounts (id),
    key_id            INTEGER NOT NULL REFERENCES keys (id),
    request_id        TEXT NOT NULL UNIQUE,
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

CREATE INDEX ledger_by_account ON ledger (account_id, at);
CREATE INDEX ledger_by_time ON ledger (at);

-- What calls in flight may cost at most; a row goes when its call is settled.
CREATE TABLE reservations (
    id          INTEGER PRIMARY KEY,
    at          REAL NOT NULL,
    expires_at  REAL NOT NULL,
    account_id  INTEGER NOT NULL REFERENCES accounts (id),
    key_id      INTEGER NOT NULL REFERENCES keys (id),
    request_id  TEXT NOT NULL UNIQUE,
    asked_model TEXT NOT NULL,
    provider    TEXT NOT NULL,
    nano        INTEGER NOT NULL
) STRICT;

CREATE INDEX reservations_by_account ON reservations (account_id);
