-- Nightjar 0019: hints that a session keeps until its transaction is over.
--
-- A sender of ours used to notify after each commit that there may be runs and that there may be something to be applied, from
-- another connection, and workers looked for both. Now the trigger says what there is, and the session sends just that, behind
-- its commit and in the same round trip: nobody looks for cancels when an event cancels nothing.
SET LOCAL client_min_messages = warning;

-- As in 0017, and `nightjar.hints = 'kept'`: the session calls nightjar.send_hints() after its commit. What a transaction that
-- is rolled back has kept is forgotten with it.
-- Locks: advisory (transaction), tried only.
CREATE OR REPLACE FUNCTION nightjar.hint(payload text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    mode constant text := current_setting('nightjar.hints', true);
    kept text;
BEGIN
    IF mode IS NOT DISTINCT FROM 'own' THEN
        RETURN;
    END IF;
    IF mode IS NOT DISTINCT FROM 'kept' THEN
        kept := coalesce(current_setting('nightjar.kept_hints', true), '');
        -- Of each word one, however many statements speak of it.
        IF position(payload IN kept) = 0 THEN
            PERFORM set_config('nightjar.kept_hints', concat_ws(' ', nullif(kept, ''), payload), false);
        END IF;
        RETURN;
    END IF;
    FOR place IN 1..4 LOOP
        IF pg_try_advisory_xact_lock(1852403045, place) THEN        -- no other lock has it
            PERFORM pg_notify('nightjar', payload || ' more');
            RETURN;
        END IF;
    END LOOP;
    IF payload <> 'ready' THEN
        PERFORM pg_notify('nightjar', payload);
    END IF;
END $$;

-- Sends what this session has kept. In a transaction of its own, which writes nothing: see 0017.
CREATE FUNCTION nightjar.send_hints() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kept constant text := current_setting('nightjar.kept_hints', true);
BEGIN
    IF kept <> '' THEN
        PERFORM set_config('nightjar.kept_hints', '', false), pg_notify('nightjar', kept);
    END IF;
END $$;

INSERT INTO nightjar.migrations (version, name) VALUES (19, 'kept_hints');
