-- The log, for several nodes. Design D1 to D8. Bytes are kept as they are: what is signed or hashed
-- does not compress, and reading a part of it must not unpack the whole.

-- One row: what this log is, and its newest committed head. Every commit compares it and moves it.
CREATE TABLE log (
  id                integer PRIMARY KEY CHECK (id = 1),
  origin            text    NOT NULL,
  issuer            text    NOT NULL,
  receipt_key_id    bytea   NOT NULL,
  tree_size         bigint  NOT NULL CHECK (tree_size >= 0),
  root_hash         bytea   NOT NULL CHECK (length(root_hash) = 32),
  registration_time bigint  NOT NULL,
  -- Index of the last governance statement.
  policy_index      bigint  NOT NULL,
  -- Raised to cut off every node that has not read this row since.
  epoch             bigint  NOT NULL
);

CREATE TABLE entry (
  leaf_index bigint PRIMARY KEY,
  -- Full SHA-256 of the entry: what makes registration idempotent.
  entry_id   bytea  NOT NULL UNIQUE CHECK (length(entry_id) = 32),
  bytes      bytea  NOT NULL CHECK (length(bytes) <= 65535)
);
ALTER TABLE entry ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- C2SP tlog-tiles.
CREATE TABLE tile (
  level  integer NOT NULL,
  index  bigint  NOT NULL,
  hashes bytea   NOT NULL CHECK (length(hashes) % 32 = 0 AND length(hashes) BETWEEN 32 AND 8192),
  PRIMARY KEY (level, index)
);
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Every committed head.
CREATE TABLE batch (
  tree_size         bigint PRIMARY KEY,
  root_hash         bytea  NOT NULL CHECK (length(root_hash) = 32),
  registration_time bigint NOT NULL
);

-- Every signed head. The newest may be in the guard only.
CREATE TABLE signed_head (
  tree_size         bigint PRIMARY KEY,
  root_hash         bytea  NOT NULL CHECK (length(root_hash) = 32),
  registration_time bigint NOT NULL,
  bytes             bytea  NOT NULL
);

-- Public keys of the service; retired ones are served for ever.
CREATE TABLE service_key (
  key_id     bytea  NOT NULL,
  purpose    text   NOT NULL CHECK (purpose IN ('receipt', 'checkpoint', 'registrar', 'operator')),
  cose_key   bytea  NOT NULL,
  added_at   bigint NOT NULL,
  retired_at bigint,
  PRIMARY KEY (key_id, purpose)
);

-- Entries that govern the log, by what they do. `log check` compares it with the entries.
CREATE TABLE governance (
  kind       text   NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
  leaf_index bigint NOT NULL,
  PRIMARY KEY (kind, leaf_index)
);

-- What took part in admissions beside the statements, by content.
CREATE TABLE collateral (
  digest      bytea  PRIMARY KEY CHECK (length(digest) = 32),
  -- The first entry that was admitted with it: it is served once that entry is.
  first_entry bigint NOT NULL,
  bytes       bytea  NOT NULL
);
ALTER TABLE collateral ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE entry_collateral (
  leaf_index bigint NOT NULL,
  kind       text   NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
  digest     bytea  NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (leaf_index, kind)
);
CREATE INDEX entry_collateral_digest ON entry_collateral (digest);

-- Content of hash envelopes that nobody's admission was decided with.
CREATE TABLE payload (
  digest    bytea   PRIMARY KEY CHECK (length(digest) = 32),
  bytes     bytea   NOT NULL,
  stored_at bigint  NOT NULL,
  -- True once an index has read it: deleting it takes a registered statement then.
  pinned    boolean NOT NULL
);
ALTER TABLE payload ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- SHA-384 and SHA-512 names of content in `payload` or in `collateral`; their lengths tell them apart.
CREATE TABLE payload_alias (
  name   bytea PRIMARY KEY CHECK (length(name) IN (48, 64)),
  digest bytea NOT NULL CHECK (length(digest) = 32)
);
CREATE INDEX payload_alias_digest ON payload_alias (digest);

-- Content that an operator deleted by a registered statement, and the id of that entry.
CREATE TABLE pruned_payload (
  digest    bytea  PRIMARY KEY CHECK (length(digest) = 32),
  entry_id  bytea  NOT NULL CHECK (length(entry_id) = 32),
  pruned_at bigint NOT NULL
);

-- Refusals of all nodes, off the log, with their reason.
CREATE TABLE refusal (
  number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entry_id   text   NOT NULL,
  rule       text   NOT NULL,
  reason     text   NOT NULL,
  issuer     text,
  refused_at bigint NOT NULL
);
CREATE INDEX refusal_entry_id ON refusal (entry_id);

-- API tokens: never the token, only the SHA-256 of its secret.
CREATE TABLE api_token (
  token_id   text   PRIMARY KEY,
  hash       bytea  NOT NULL CHECK (length(hash) = 32),
  name       text   NOT NULL,
  -- Names, separated by one space.
  scopes     text   NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint
);
