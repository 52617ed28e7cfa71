-- Searches for what cancels runs and was applied before it could see them: see nightjar.search_newcomers in migration 0008.
-- $1 how many runs
SELECT nightjar.search_newcomers($1)
