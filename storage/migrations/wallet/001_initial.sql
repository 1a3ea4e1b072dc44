-- The watching side of a wallet; nothing secret. A released script never changes, not in a comment either:
-- the text of each CREATE is compared with the file's.

CREATE TABLE settings (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    wallet BLOB NOT NULL,
    network TEXT NOT NULL,
    parties INTEGER NOT NULL,
    threshold INTEGER NOT NULL,
    plan TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    chain_code BLOB NOT NULL,
    birth INTEGER NOT NULL
) STRICT;

CREATE TABLE indices (
    account INTEGER NOT NULL REFERENCES accounts (id),
    branch INTEGER NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (account, branch)
) STRICT;

CREATE TABLE sync_point (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    height INTEGER NOT NULL,
    hash BLOB NOT NULL,
    time INTEGER NOT NULL
) STRICT;

CREATE TABLE transactions (
    txid BLOB PRIMARY KEY,
    tx BLOB NOT NULL,
    height INTEGER,
    hash BLOB,
    time INTEGER,
    first_seen INTEGER NOT NULL,
    own INTEGER NOT NULL,
    in_mempool INTEGER NOT NULL,
    replaced_by BLOB,
    CHECK ((height IS NULL) = (hash IS NULL) AND (height IS NULL) = (time IS NULL))
) STRICT;

CREATE INDEX transactions_by_time ON transactions (first_seen, txid);

CREATE TABLE frozen (
    txid BLOB NOT NULL,
    vout INTEGER NOT NULL,
    PRIMARY KEY (txid, vout)
) STRICT;

CREATE TABLE labels (
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (kind, ref)
) STRICT;

CREATE TABLE drafts (
    txid BLOB PRIMARY KEY,
    psbt BLOB NOT NULL
) STRICT;
