-- Security versions of TEEs by name: whether one is below another is no question for an order of texts,
-- so they are read in the order of statements and compared there.
CREATE TABLE svn (
  -- The name, as a field of its own.
  field_id   INTEGER NOT NULL,
  leaf_index INTEGER NOT NULL,
  value      BLOB    NOT NULL,
  PRIMARY KEY (field_id, leaf_index, value)
) STRICT, WITHOUT ROWID;
