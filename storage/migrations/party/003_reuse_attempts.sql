-- Refused requests for presignatures that have made their share. Rows are only added, at most 8 for each
-- presignature, so that who asks without end does not fill the disk; those that come after are counted.

CREATE TABLE reuse_attempts (
    seq INTEGER PRIMARY KEY,
    presignature BLOB NOT NULL REFERENCES consumptions (presignature),
    request BLOB NOT NULL CHECK (length(request) = 32),
    sighash BLOB CHECK (length(sighash) = 32),
    time INTEGER NOT NULL
) STRICT;

CREATE INDEX reuse_attempts_by_presignature ON reuse_attempts (presignature);

CREATE TABLE further_reuse_attempts (
    presignature BLOB PRIMARY KEY REFERENCES consumptions (presignature),
    count INTEGER NOT NULL CHECK (count > 0)
) STRICT;

CREATE TRIGGER reuse_attempts_are_few BEFORE INSERT ON reuse_attempts
WHEN (SELECT count(*) FROM reuse_attempts WHERE presignature = NEW.presignature) >= 8
    OR EXISTS (SELECT 1 FROM reuse_attempts WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'further attempts are counted'); END;

CREATE TRIGGER reuse_attempts_are_not_changed BEFORE UPDATE ON reuse_attempts
BEGIN SELECT RAISE(ABORT, 'an attempt is never changed'); END;

CREATE TRIGGER reuse_attempts_are_not_deleted BEFORE DELETE ON reuse_attempts
BEGIN SELECT RAISE(ABORT, 'an attempt is never deleted'); END;

CREATE TRIGGER further_reuse_attempts_are_added_once BEFORE INSERT ON further_reuse_attempts
WHEN EXISTS (SELECT 1 FROM further_reuse_attempts WHERE presignature = NEW.presignature)
BEGIN SELECT RAISE(ABORT, 'attempts are counted upwards'); END;

CREATE TRIGGER further_reuse_attempts_grow BEFORE UPDATE ON further_reuse_attempts
WHEN NEW.count <= OLD.count OR NEW.presignature != OLD.presignature
BEGIN SELECT RAISE(ABORT, 'attempts are counted upwards'); END;

CREATE TRIGGER further_reuse_attempts_are_not_deleted BEFORE DELETE ON further_reuse_attempts
BEGIN SELECT RAISE(ABORT, 'an attempt is never deleted'); END;
