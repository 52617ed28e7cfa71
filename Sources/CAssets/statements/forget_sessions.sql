-- Forgets sessions that have been dead for an hour and lease nothing.
-- Locks: those rows. Index: live_session.
DELETE FROM nightjar.sessions s
WHERE s.dead AND s.seen_at < clock_timestamp() - interval '1 hour'
  AND NOT EXISTS (SELECT FROM nightjar.live l WHERE l.session_id = s.session_id AND l.state = 1)
