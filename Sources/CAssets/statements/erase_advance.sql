-- Carries an erasure one chunk further: see nightjar.erase_advance in migration 0023.
-- $1 how many events, runs or steps to look at, $2 which request (null: any)
SELECT waits FROM nightjar.erase_advance($1, $2)
