-- Nightjar 0016: new runs and those that came back each have an index.
--
-- While somebody holds an old snapshot, dead rows stay in the indexes, and a claim reads each of them again that it passes:
-- 10,000 pages a claim after 100 s of 1,000 runs a second. New runs come in the order of `pass`, so that a claim can begin
-- where those of a second ago had come to. Runs that come back keep their `pass`; they are few, and have an index of their
-- own so that nobody has to look for them among the dead.
SET LOCAL client_min_messages = warning;

DROP INDEX nightjar.live_ready;
CREATE INDEX live_ready ON nightjar.live (queue, pass, run_id) WHERE state = 0 AND epoch = 0;
CREATE INDEX live_back  ON nightjar.live (queue, pass, run_id) WHERE state = 0 AND epoch > 0;

INSERT INTO nightjar.migrations (version, name) VALUES (16, 'reach');
