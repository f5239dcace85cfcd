-- The log. Design D1 to D8.

-- One row: what this log is, and its newest committed head.
CREATE TABLE log (
  id                INTEGER PRIMARY KEY CHECK (id = 1),
  origin            TEXT    NOT NULL,
  issuer            TEXT    NOT NULL,
  receipt_key_id    BLOB    NOT NULL,
  tree_size         INTEGER NOT NULL,
  root_hash         BLOB    NOT NULL CHECK (length(root_hash) = 32),
  registration_time INTEGER NOT NULL,
  -- Index of the last governance statement.
  policy_index      INTEGER NOT NULL
) STRICT;

CREATE TABLE entry (
  leaf_index INTEGER PRIMARY KEY,
  bytes      BLOB NOT NULL CHECK (length(bytes) <= 65535)
) STRICT;

-- Full SHA-256 of an entry: what makes registration idempotent. The ids of the newest entries are not
-- in it yet (store/sqlite/id-tail.ts); all below `indexed_below` are.
CREATE TABLE entry_id (
  id         BLOB    PRIMARY KEY CHECK (length(id) = 32),
  leaf_index INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entry_id_progress (
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  indexed_below INTEGER NOT NULL
) STRICT;

-- C2SP tlog-tiles; key = level * 2^44 + index.
CREATE TABLE tile (
  key    INTEGER PRIMARY KEY,
  hashes BLOB NOT NULL CHECK (length(hashes) % 32 = 0 AND length(hashes) BETWEEN 32 AND 8192)
) STRICT;

-- Every committed head.
CREATE TABLE batch (
  tree_size         INTEGER PRIMARY KEY,
  root_hash         BLOB    NOT NULL CHECK (length(root_hash) = 32),
  registration_time INTEGER NOT NULL
) STRICT;

-- Every signed head. The newest may be in the guard only.
CREATE TABLE signed_head (
  tree_size         INTEGER PRIMARY KEY,
  root_hash         BLOB    NOT NULL CHECK (length(root_hash) = 32),
  registration_time INTEGER NOT NULL,
  bytes             BLOB    NOT NULL
) STRICT;

-- Public keys of the service; retired ones are served for ever.
CREATE TABLE service_key (
  key_id     BLOB    NOT NULL,
  purpose    TEXT    NOT NULL CHECK (purpose IN ('receipt', 'checkpoint', 'registrar', 'operator')),
  cose_key   BLOB    NOT NULL,
  added_at   INTEGER NOT NULL,
  retired_at INTEGER,
  PRIMARY KEY (key_id, purpose)
) STRICT, WITHOUT ROWID;

-- Refusals, off the log, with their reason.
CREATE TABLE refusal (
  number     INTEGER PRIMARY KEY,
  entry_id   TEXT    NOT NULL,
  rule       TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  issuer     TEXT,
  refused_at INTEGER NOT NULL
) STRICT;
CREATE INDEX refusal_entry_id ON refusal (entry_id);
