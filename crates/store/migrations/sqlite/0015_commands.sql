-- Commands that are held, and who runs them. Times are microseconds since the Unix epoch, in UTC.

-- Why somebody asks, in their own words.
ALTER TABLE requests ADD COLUMN why TEXT;
