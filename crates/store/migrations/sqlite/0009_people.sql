-- Where a person is told of requests, who answers for a service, and which accounts are one person.

ALTER TABLE accounts ADD COLUMN email TEXT;
ALTER TABLE accounts ADD COLUMN owner_id BIGINT;
ALTER TABLE accounts ADD COLUMN person TEXT;
