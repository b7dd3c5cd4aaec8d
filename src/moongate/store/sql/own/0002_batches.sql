-- A line may stand for many calls: those of a batch job that were answered on one day. How far a job's journal is
-- written down stands beside them, changed in the same transaction, so that nothing is counted twice.

ALTER TABLE ledger ADD COLUMN kind TEXT NOT NULL DEFAULT 'chat';
ALTER TABLE ledger ADD COLUMN calls INTEGER NOT NULL DEFAULT 1;
ALTER TABLE ledger ADD COLUMN job TEXT NOT NULL DEFAULT '';

CREATE TABLE posted (
    job       TEXT NOT NULL,
    opened_at REAL NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (job, opened_at)
) STRICT;
