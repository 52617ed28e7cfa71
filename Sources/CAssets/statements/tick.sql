-- Starts the run of a tick, once however many ask: see nightjar.tick in migration 0015.
-- $1 function, $2 cron, $3 the tick, $4 when its run starts
SELECT nightjar.tick($1, $2, $3, $4)
