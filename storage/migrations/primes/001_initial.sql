-- One party's primes that no session has had yet. A released script never changes, not in a comment either:
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
