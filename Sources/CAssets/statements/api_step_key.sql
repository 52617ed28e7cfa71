-- The keys of a run's steps that bear a name: the key itself, or what people call it.
-- $1 run, $2 name
-- Locks: none. Indexes: steps_pkey and attempts_pkey, pruned to one partition.
SELECT DISTINCT s.step FROM nightjar.steps s
WHERE s.run_id = $1 AND s.tenant_id = nightjar.current_tenant() AND (s.step = $2 OR s.name = $2)
