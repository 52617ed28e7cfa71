-- A worker tells which steps of cancelled runs it was executing, and, once nothing of them executes any more, so much.
-- $1 session, $2 runs, $3 their steps as JSON arrays (null: told before), $4 whether each has ended
-- Answers how many seconds each was cancelled when it was told of for the first time; null: it was before.
-- Locks: those rows, ascending. Index: interruptions_pkey.
WITH told AS MATERIALIZED (
    SELECT t.run_id, t.steps, t.ended FROM unnest($2::uuid[], $3::jsonb[], $4::bool[]) AS t (run_id, steps, ended)
), held AS MATERIALIZED (
    SELECT i.run_id, i.told_at IS NULL AS is_new FROM nightjar.interruptions i
    WHERE i.run_id = ANY ($2::uuid[]) AND i.session_id = $1 ORDER BY i.run_id FOR UPDATE
)
UPDATE nightjar.interruptions i
SET told_at = coalesce(i.told_at, clock_timestamp()),
    steps = coalesce(i.steps, ARRAY(SELECT jsonb_array_elements_text(t.steps))),
    ended_at = CASE WHEN t.ended THEN clock_timestamp() END
FROM told t
WHERE i.run_id = ANY (ARRAY(SELECT h.run_id FROM held h)) AND i.run_id = t.run_id
RETURNING CASE WHEN (SELECT h.is_new FROM held h WHERE h.run_id = i.run_id)
               THEN extract(epoch FROM i.told_at - i.at)::float8 END AS heard_after
