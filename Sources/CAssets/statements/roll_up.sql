-- Adds up to $1 runs that have ended, and what was written besides, to the figures of reports; answers how far it came, 0: there is
-- no more for now, or somebody else is at it. See nightjar_report.roll_up in migration 0020.
SELECT nightjar_report.roll_up($1)
