-- The index (design D9): made from the log and nothing else, dropped and rebuilt at will.
-- All look-ups are ranges of primary keys, so no statistics are kept.

-- One row: how far the log is indexed, of which log, and by what.
CREATE TABLE progress (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  -- Full SHA-256 of entry 0: which log this is. NULL before it is indexed.
  log_id    BLOB    CHECK (length(log_id) = 32),
  -- What read the statements; another version of it may find more in them.
  made_by   TEXT    NOT NULL,
  tree_size INTEGER NOT NULL,
  -- Of the numbers in term_hash.
  hash_key  BLOB    NOT NULL CHECK (length(hash_key) = 8)
) STRICT;

-- What values are values of: 'issuer', 'sha256 digest', 'purl' …
CREATE TABLE field (
  field_id INTEGER PRIMARY KEY,
  name     TEXT    NOT NULL UNIQUE
) STRICT;

-- The dictionary: every value that can be asked for, once. Hex of even length is kept as bytes.
CREATE TABLE term (
  term_id  INTEGER PRIMARY KEY,
  field_id INTEGER NOT NULL,
  value    ANY     NOT NULL
) STRICT;

-- Terms by the keyed hash of field and value: numbers are found three times as fast as values.
CREATE TABLE term_hash (
  hash    INTEGER NOT NULL,
  term_id INTEGER NOT NULL,
  PRIMARY KEY (hash, term_id)
) STRICT, WITHOUT ROWID;

-- From terms to statements. Roles: 0 says, 1 subject, 2 dependency, 3 evidence (digests).
CREATE TABLE posting (
  term_id    INTEGER NOT NULL,
  role       INTEGER NOT NULL CHECK (role BETWEEN 0 AND 3),
  leaf_index INTEGER NOT NULL,
  PRIMARY KEY (term_id, role, leaf_index)
) STRICT, WITHOUT ROWID;

-- From statements to terms: rows are only appended here, so the way back costs next to nothing.
CREATE TABLE statement (
  leaf_index        INTEGER PRIMARY KEY,
  entry_id          BLOB    NOT NULL CHECK (length(entry_id) = 32),
  registration_time INTEGER NOT NULL,
  kind              INTEGER NOT NULL,
  type              INTEGER NOT NULL,
  issuer            INTEGER,
  subject           INTEGER,
  signer            INTEGER,
  content_type      INTEGER,
  -- Digest of a hash envelope, and whether its preimage was read.
  envelope          INTEGER,
  preimage_read     INTEGER,
  -- Digests and attributes: term_id * 4 + role, ascending, as differences in LEB128.
  facts             BLOB    NOT NULL,
  -- JSON array; NULL when there are none.
  findings          TEXT
) STRICT;
CREATE INDEX statement_preimage_absent ON statement (envelope) WHERE preimage_read = 0;

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
