-- Since when nothing but journals is committed, and why; NULL while the log takes registrations. In the
-- row that every commit compares, so that none passes a freeze that it waited for.
ALTER TABLE log ADD COLUMN frozen_at bigint, ADD COLUMN frozen_reason text;
