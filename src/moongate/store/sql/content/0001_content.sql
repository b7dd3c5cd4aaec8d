-- What was said, where [gateway] log_content is on: kept apart from the ledger, and for so many days only.

CREATE TABLE content (
    request_id TEXT PRIMARY KEY, -- as in the ledger
    at         REAL NOT NULL,    -- seconds since the epoch
    key_id     INTEGER NOT NULL,
    request    BLOB NOT NULL,    -- the body as it came, or its beginning
    answer     BLOB NOT NULL,    -- the body as it went, or its beginning
    is_cut     INTEGER NOT NULL  -- whether either is only its beginning
) STRICT, WITHOUT ROWID;

CREATE INDEX content_by_time ON content (at);
