-- Applies committed events to the runs that wait for them: see nightjar.apply_pending in migration 0009.
-- $1 how many pending rows, $2 how many waits of each, $3 after which sequence number
-- How far these have been given out is asked first: of what was committed by then nothing above $3 is missed.
SELECT a.run_id, a.session_id, a.cancelled, a.reached, a.more, a.stayed, s.sequence
FROM (SELECT coalesce(pg_sequence_last_value('nightjar.event_seq'::regclass), 0) AS sequence OFFSET 0) s
CROSS JOIN LATERAL nightjar.apply_pending($1, $2, $3) a
