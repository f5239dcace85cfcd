-- Content of hash envelopes (design D1), by the SHA-256 of its bytes.

-- What nobody's admission was decided with. A preimage that one was moves to `collateral`.
CREATE TABLE payload (
  digest    BLOB    PRIMARY KEY CHECK (length(digest) = 32),
  bytes     BLOB    NOT NULL,
  stored_at INTEGER NOT NULL,
  -- 1 once the index has read it: deleting it takes a registered statement then.
  pinned    INTEGER NOT NULL CHECK (pinned IN (0, 1))
) STRICT;

-- SHA-384 and SHA-512 names of content in `payload` or in `collateral`; their lengths tell them apart.
CREATE TABLE payload_alias (
  name   BLOB PRIMARY KEY CHECK (length(name) IN (48, 64)),
  digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT, WITHOUT ROWID;
CREATE INDEX payload_alias_digest ON payload_alias (digest);

-- Content that an operator deleted by a registered statement, and the id of that entry.
CREATE TABLE pruned_payload (
  digest    BLOB    PRIMARY KEY CHECK (length(digest) = 32),
  entry_id  BLOB    NOT NULL CHECK (length(entry_id) = 32),
  pruned_at INTEGER NOT NULL
) STRICT;

-- Kinds grow with the versions of Attestry; which there are is the program's affair from here on.
CREATE TABLE governance_next (
  kind       TEXT    NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
  leaf_index INTEGER NOT NULL,
  PRIMARY KEY (kind, leaf_index)
) STRICT, WITHOUT ROWID;
INSERT INTO governance_next SELECT kind, leaf_index FROM governance;
DROP TABLE governance;
ALTER TABLE governance_next RENAME TO governance;

CREATE TABLE entry_collateral_next (
  leaf_index INTEGER NOT NULL,
  kind       TEXT    NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
  digest     BLOB    NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (leaf_index, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO entry_collateral_next SELECT leaf_index, kind, digest FROM entry_collateral;
DROP TABLE entry_collateral;
ALTER TABLE entry_collateral_next RENAME TO entry_collateral;

-- In the transaction that makes it collateral: no content is stored twice.
CREATE TRIGGER preimage_becomes_collateral AFTER INSERT ON entry_collateral
WHEN new.kind = 'preimage'
BEGIN
  DELETE FROM payload WHERE digest = new.digest;
END;
