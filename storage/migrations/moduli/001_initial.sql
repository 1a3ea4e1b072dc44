-- The moduli of all parties of a home that a session was given, ever; public. A released script never changes, not in
-- a comment either: the text of each CREATE is compared with the file's.

CREATE TABLE home (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

CREATE TABLE moduli (
    seq INTEGER PRIMARY KEY,
    modulus BLOB NOT NULL UNIQUE CHECK (length(modulus) BETWEEN 16 AND 512),
    party INTEGER NOT NULL,
    time INTEGER NOT NULL
) STRICT;

CREATE TRIGGER moduli_are_not_changed BEFORE UPDATE ON moduli
BEGIN SELECT RAISE(ABORT, 'what was used is never changed'); END;

CREATE TRIGGER moduli_are_not_deleted BEFORE DELETE ON moduli
BEGIN SELECT RAISE(ABORT, 'what was used is never deleted'); END;

CREATE TRIGGER the_home_is_not_changed BEFORE UPDATE ON home
BEGIN SELECT RAISE(ABORT, 'a home keeps its id'); END;

CREATE TRIGGER the_home_is_not_deleted BEFORE DELETE ON home
BEGIN SELECT RAISE(ABORT, 'a home keeps its id'); END;
