-- The index (design D9): made from the log and nothing else, dropped and rebuilt at will.
-- All look-ups are ranges of primary keys, so no statistics are kept, and all that a statement adds
-- is written where the tables end.

-- One row: how far the log is indexed, of which log, and by what.
CREATE TABLE progress (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  -- Full SHA-256 of entry 0: which log this is. NULL before it is indexed.
  log_id    BLOB    CHECK (length(log_id) = 32),
  -- What read the statements; another version of it may find more in them.
  made_by   TEXT    NOT NULL,
  tree_size INTEGER NOT NULL,
  -- Of the keys of postings.
  hash_key  BLOB    NOT NULL CHECK (length(hash_key) = 8)
) STRICT;

-- What values are values of: 'issuer', 'sha256 digest', 'purl' …
CREATE TABLE field (
  field_id INTEGER PRIMARY KEY,
  name     TEXT    NOT NULL UNIQUE
) STRICT;

-- Values that statements have in common, so that rows are short; the first one to have it has the text.
CREATE TABLE shared_value (
  value_id INTEGER PRIMARY KEY,
  value    TEXT    NOT NULL
) STRICT;

-- What statements say. Rows are only appended, unless the content of a hash envelope comes later.
CREATE TABLE statement (
  leaf_index        INTEGER PRIMARY KEY,
  entry_id          BLOB    NOT NULL CHECK (length(entry_id) = 32),
  registration_time INTEGER NOT NULL,
  -- Digest of a hash envelope whose preimage was not read.
  absent_preimage   TEXT,
  -- Values of fields in roles, packed (fact-list.ts). Roles: 0 says, 1 subject, 2 dependency,
  -- 3 evidence (digests).
  facts             BLOB    NOT NULL,
  -- JSON array; NULL when there are none.
  findings          TEXT
) STRICT;
CREATE INDEX statement_preimage_absent ON statement (absent_preimage)
  WHERE absent_preimage IS NOT NULL;

-- From values to statements: runs of statements that follow each other, in order and without a gap.
CREATE TABLE run (
  first_index INTEGER PRIMARY KEY,
  end_index   INTEGER NOT NULL CHECK (end_index > first_index),
  run_id      INTEGER NOT NULL UNIQUE,
  -- Postings that it was written with: runs of about one length are merged.
  postings    INTEGER NOT NULL
) STRICT;

-- The postings of a run in order, in pages: a keyed hash of field and value * 4 + role, and the
-- statement. All keys of a page as doubles, then for each its index as a 32-bit distance from the run's
-- first one, both in the byte order of the machine.
CREATE TABLE posting_page (
  page_id  INTEGER PRIMARY KEY,
  postings BLOB    NOT NULL
) STRICT;

-- Where pages begin. Apart from them, since SQLite reads all of a long row for each step to a key.
CREATE TABLE page_start (
  run_id      INTEGER NOT NULL,
  -- Of the first posting.
  first_key   INTEGER NOT NULL,
  first_index INTEGER NOT NULL,
  page_id     INTEGER NOT NULL,
  PRIMARY KEY (run_id, first_key, first_index)
) STRICT, WITHOUT ROWID;

-- Numbers in both directions: a range of values, and a range of indexes.
CREATE TABLE number (
  field_id   INTEGER NOT NULL,
  leaf_index INTEGER NOT NULL,
  value      REAL    NOT NULL,
  PRIMARY KEY (field_id, leaf_index, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX number_value ON number (field_id, value, leaf_index);

-- Registration times never go back, so the first index of each second answers every range of them.
CREATE TABLE second (
  registration_time INTEGER PRIMARY KEY,
  leaf_index        INTEGER NOT NULL
) STRICT;
