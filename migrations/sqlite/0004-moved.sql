-- A log that goes on in another store (`attestry migrate`): this one signs nothing any more.
CREATE TABLE moved_log (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  -- Where to, without a password.
  name      TEXT    NOT NULL,
  tree_size INTEGER NOT NULL,
  moved_at  INTEGER NOT NULL
) STRICT;
