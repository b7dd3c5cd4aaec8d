-- A file at an upstream has an id of the gateway's, as every other one; `upstream_id` is what its upstream calls it. It
-- lies with an account, which is `base_url` and the fingerprint of `key`, whatever name leads there later. Those from
-- before were noted without, and nobody can say where they lie.

ALTER TABLE files ADD COLUMN upstream_id TEXT;
ALTER TABLE files ADD COLUMN base_url TEXT;
ALTER TABLE files ADD COLUMN key TEXT;

-- Uploads on their way to an upstream, noted before they leave, so that none is left there that nobody knows of.
CREATE TABLE uploads (
    id         TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    begun_at   INTEGER NOT NULL, -- seconds since the epoch
    record     TEXT NOT NULL     -- the file as JSON, see moongate.gateway.tenants.records
) STRICT;
