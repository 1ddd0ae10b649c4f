-- Why somebody asks, in their own words.

ALTER TABLE requests ADD COLUMN why TEXT;
