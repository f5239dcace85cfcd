-- What decisions are made of beside the entries (design D4, D5), and who may submit (R4).

-- Entries that govern the log, by what they do, so that a start finds the rules in force and the
-- last journal without reading the whole log. `log check` compares it with the entries.
CREATE TABLE governance (
  kind       TEXT    NOT NULL CHECK (kind IN ('policy', 'trust-anchors', 'delegation', 'delegation-revocation', 'journal')),
  leaf_index INTEGER NOT NULL,
  PRIMARY KEY (kind, leaf_index)
) STRICT, WITHOUT ROWID;
-- A log of an earlier version has the rules that it started with, and no others.
INSERT INTO governance SELECT 'policy', 0 FROM log;
INSERT INTO governance SELECT 'trust-anchors', 1 FROM log;

-- What took part in admissions beside the statements, by content.
CREATE TABLE collateral (
  digest      BLOB    PRIMARY KEY CHECK (length(digest) = 32),
  -- The first entry that was admitted with it: it is served once that entry is.
  first_entry INTEGER NOT NULL,
  bytes       BLOB    NOT NULL
) STRICT;

CREATE TABLE entry_collateral (
  leaf_index INTEGER NOT NULL,
  kind       TEXT    NOT NULL CHECK (kind IN ('x5chain', 'submitter-claims', 'jwks')),
  digest     BLOB    NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (leaf_index, kind)
) STRICT, WITHOUT ROWID;

-- API tokens: never the token, only the SHA-256 of its secret.
CREATE TABLE api_token (
  token_id   TEXT    PRIMARY KEY,
  hash       BLOB    NOT NULL CHECK (length(hash) = 32),
  name       TEXT    NOT NULL,
  -- Names, separated by one space.
  scopes     TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;
