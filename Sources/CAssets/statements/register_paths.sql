-- Makes the places known by which a step is going to wait for events: see nightjar.register_paths in migration 0008.
-- $1 event, $2 paths
SELECT nightjar.register_paths($1, $2)
