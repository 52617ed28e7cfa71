-- Starts runs whose events are gathered and whose time has come: see nightjar.gather in migration 0015.
-- $1 how many at most
SELECT started, next_in FROM nightjar.gather($1)
