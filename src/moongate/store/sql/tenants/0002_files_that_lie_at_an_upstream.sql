-- Files that were passed on: they lie at an upstream, under the id that it gave them; NULL: the content is kept here.

ALTER TABLE files ADD COLUMN upstream TEXT;
ALTER TABLE files ADD COLUMN status TEXT NOT NULL DEFAULT 'ready';
