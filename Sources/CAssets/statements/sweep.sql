-- Deletes a chunk of what tenants with shorter policies want no more: see nightjar.sweep in migration 0023.
-- $1 how many rows of a log to look at
SELECT examined, deleted, more FROM nightjar.sweep($1)
