-- Sends the hints that this session has kept: see migration 0019.
SELECT nightjar.send_hints()
