-- One party's secrets and what it signed. A released script never changes, not in a comment either:
-- the text of each CREATE is compared with the file's.

CREATE TABLE vault (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    header BLOB NOT NULL,
    manifest BLOB NOT NULL,
    seal BLOB NOT NULL
) STRICT;

CREATE TABLE sealed (
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    public BLOB NOT NULL,
    secret BLOB NOT NULL,
    PRIMARY KEY (kind, key, epoch)
) STRICT;

CREATE TABLE signatures (
    seq INTEGER PRIMARY KEY,
    session BLOB NOT NULL UNIQUE,
    key BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    txid BLOB NOT NULL,
    psbt_digest BLOB NOT NULL,
    sent INTEGER NOT NULL,
    fee INTEGER NOT NULL,
    sighashes BLOB NOT NULL,
    signers BLOB NOT NULL,
    answer BLOB NOT NULL,
    time INTEGER NOT NULL,
    chain BLOB NOT NULL
) STRICT;

CREATE TRIGGER signatures_are_not_changed BEFORE UPDATE ON signatures
BEGIN SELECT RAISE(ABORT, 'what was signed is never changed'); END;

CREATE TRIGGER signatures_are_not_deleted BEFORE DELETE ON signatures
BEGIN SELECT RAISE(ABORT, 'what was signed is never deleted'); END;
