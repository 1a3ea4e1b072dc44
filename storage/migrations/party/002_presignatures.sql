-- Presignatures and the one use of each. The table of states is written down once more, where no program
-- can go around it: PENDING -> READY -> BURNED | VOID, VOID from PENDING, nothing back.

CREATE TABLE stocks (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL CHECK (length(key) = 33),
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    signers BLOB NOT NULL CHECK (length(signers) > 0),
    purged INTEGER NOT NULL DEFAULT 0 CHECK (purged >= 0),
    UNIQUE (key, epoch, signers)
) STRICT;

CREATE TABLE presignatures (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    stock INTEGER NOT NULL REFERENCES stocks (id),
    batch BLOB NOT NULL CHECK (length(batch) = 32),
    boot BLOB NOT NULL CHECK (length(boot) = 16),
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'READY', 'BURNED', 'VOID')),
    made INTEGER NOT NULL,
    confirmed INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    public BLOB NOT NULL,
    secret BLOB,
    CHECK ((state IN ('PENDING', 'READY')) = (secret IS NOT NULL))
) STRICT;

CREATE INDEX presignatures_by_state ON presignatures (stock, state, seq);
CREATE INDEX presignatures_by_batch ON presignatures (batch);

CREATE TABLE consumptions (
    presignature BLOB PRIMARY KEY REFERENCES presignatures (id),
    stock INTEGER NOT NULL REFERENCES stocks (id),
    request BLOB NOT NULL CHECK (length(request) = 32),
    sighash BLOB NOT NULL CHECK (length(sighash) = 32),
    share BLOB NOT NULL CHECK (length(share) > 0),
    time INTEGER NOT NULL
) STRICT;

CREATE INDEX consumptions_by_time ON consumptions (stock, time);

CREATE TRIGGER presignatures_begin_pending BEFORE INSERT ON presignatures
WHEN NEW.state != 'PENDING' OR EXISTS (SELECT 1 FROM presignatures WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'a presignature begins as PENDING, once'); END;

CREATE TRIGGER presignatures_do_not_go_back BEFORE UPDATE ON presignatures
WHEN NOT (
    (OLD.state = 'PENDING' AND NEW.state = 'READY')
    OR (OLD.state = 'READY' AND NEW.state = 'BURNED')
    OR (OLD.state IN ('PENDING', 'READY') AND NEW.state = 'VOID')
) OR (NEW.state = 'BURNED') != EXISTS (SELECT 1 FROM consumptions WHERE presignature = OLD.id)
OR (OLD.seq, OLD.id, OLD.stock, OLD.batch, OLD.boot, OLD.made)
    IS NOT (NEW.seq, NEW.id, NEW.stock, NEW.batch, NEW.boot, NEW.made)
BEGIN SELECT RAISE(ABORT, 'a presignature does not go back'); END;

CREATE TRIGGER presignatures_stay_unless_void BEFORE DELETE ON presignatures
WHEN OLD.state != 'VOID'
BEGIN SELECT RAISE(ABORT, 'only a void presignature is deleted'); END;

CREATE TRIGGER consumptions_are_of_ready_presignatures BEFORE INSERT ON consumptions
WHEN NOT EXISTS (
    SELECT 1 FROM presignatures WHERE id = NEW.presignature AND state = 'READY' AND stock = NEW.stock
) OR EXISTS (SELECT 1 FROM consumptions WHERE presignature = NEW.presignature)
BEGIN SELECT RAISE(ABORT, 'a presignature is used once, when it is READY'); END;

CREATE TRIGGER consumptions_are_not_changed BEFORE UPDATE ON consumptions
BEGIN SELECT RAISE(ABORT, 'the use of a presignature is never changed'); END;

CREATE TRIGGER consumptions_are_not_deleted BEFORE DELETE ON consumptions
BEGIN SELECT RAISE(ABORT, 'the use of a presignature is never deleted'); END;
