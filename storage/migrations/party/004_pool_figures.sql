-- The figures of a pool and its live presignatures, found without a look at all that were ever used.

CREATE INDEX presignatures_live ON presignatures (seq) WHERE state IN ('PENDING', 'READY');
CREATE INDEX presignatures_by_confirmation ON presignatures (stock, confirmed);

ALTER TABLE stocks ADD COLUMN burned INTEGER NOT NULL DEFAULT 0 CHECK (burned >= 0);
UPDATE stocks SET burned = (SELECT count(*) FROM consumptions WHERE stock = stocks.id);

CREATE TRIGGER consumptions_are_counted AFTER INSERT ON consumptions
BEGIN UPDATE stocks SET burned = burned + 1 WHERE id = NEW.stock; END;
