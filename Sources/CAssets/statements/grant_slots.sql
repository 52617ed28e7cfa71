-- Admits runs that wait for slots, as far as there is room: see nightjar.grant_slots in migration 0026.
-- $1 queue, $2 the functions that the caller has, $3 how many at most, $4 runs that may have given slots back, $5 keys that an earlier
-- call left over, $6 whether to look for slots of which nobody says that they are free, $7 and $8 from where on
SELECT granted, elsewhere, more, next_in, left_over, swept, probed
FROM nightjar.grant_slots($1, $2, $3, released => $4, again => $5, sweep => $6, swept => $7, probed => $8)
