-- Marks sessions dead that have been silent for longer than their time to live. A transaction of its own, before their
-- runs are handed back: a claim that such a session had in flight is then found by the next round.
-- Locks: those rows, SKIP LOCKED. Index: sessions is a few rows.
UPDATE nightjar.sessions SET dead = true
WHERE session_id IN (SELECT s.session_id FROM nightjar.sessions s
                     WHERE NOT s.dead AND s.seen_at + s.ttl < clock_timestamp() FOR UPDATE SKIP LOCKED)
RETURNING session_id, name
