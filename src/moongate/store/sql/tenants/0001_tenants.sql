-- Files and batches of the gateway's accounts. The account ids are those of gateway.sqlite3; times are seconds since
-- the epoch. `seq` is the order of making, which pages of lists go by.

CREATE TABLE files (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    account_id INTEGER NOT NULL,
    filename   TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX files_of ON files (account_id, seq);

CREATE TABLE batches (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    account_id INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    record     TEXT NOT NULL -- the batch as JSON, see moongate.gateway.tenants.records
) STRICT;

CREATE INDEX batches_of ON batches (account_id, seq);
CREATE INDEX batches_open ON batches (seq) WHERE ended = 0;
