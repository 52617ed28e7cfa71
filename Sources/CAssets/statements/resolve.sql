-- What became of a commit whose answer was lost; and of one that was not accepted: `held` means that its row was locked.
-- $1 session, $2 run, $3 epoch, $4 one step that the commit would have recorded (null: none), $5 the attempt of it that
-- would have failed (null: the step would have ended), $6 whether that step would only have begun to wait
-- `held`: the lease is still the session's, so an end or a park was not recorded. `recorded`: that step was.
-- Locks: none. Indexes: live_pkey, steps_pkey, attempts_pkey, open_steps_pkey. OFFSET 0: else they could be hashed as wholes.
SELECT a.run_id,
       EXISTS (SELECT FROM nightjar.live l
               WHERE l.run_id = a.run_id AND l.session_id = $1 AND l.epoch = a.epoch AND l.state = 1 OFFSET 0) AS held,
       CASE WHEN a.attempt IS NULL
            THEN EXISTS (SELECT FROM nightjar.steps s WHERE s.run_id = a.run_id AND s.step = a.step OFFSET 0)
              OR EXISTS (SELECT FROM nightjar.open_steps o WHERE o.run_id = a.run_id AND o.step = a.step AND a.opens OFFSET 0)
            ELSE EXISTS (SELECT FROM nightjar.attempts t
                         WHERE t.run_id = a.run_id AND t.step = a.step AND t.attempt = a.attempt OFFSET 0)
       END AS recorded
FROM unnest($2::uuid[], $3::int[], $4::text[], $5::smallint[], $6::bool[]) AS a (run_id, epoch, step, attempt, opens)
