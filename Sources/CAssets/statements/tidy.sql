-- Removes what is left over in tables without partitions: see nightjar.tidy in migration 0023.
-- $1 how many rows of each
SELECT nightjar.tidy($1)
