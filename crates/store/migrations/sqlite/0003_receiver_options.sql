-- What can be set for each receiver beside address and transport: JSON as countersign_core::receiver writes it.

ALTER TABLE receivers ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE receivers ADD COLUMN filter TEXT NOT NULL DEFAULT '[]';
