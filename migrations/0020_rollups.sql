-- Nightjar 0020: figures that are kept up to date, so that counting millions of runs reads none of them.
--
-- The logs are read once, in the order in which their rows were written, and what they say is added to rows per minute,
-- hour and day. Nothing of that is part of the transactions that write the logs: workers call nightjar_report.roll_up now and then.
-- The figures stay when the logs' partitions are dropped.
SET LOCAL client_min_messages = warning;

-- In the order in which an inserted event takes them.
LOCK TABLE nightjar.events, nightjar.runs, nightjar.outcomes IN ACCESS EXCLUSIVE MODE;

CREATE SCHEMA nightjar_report;
COMMENT ON SCHEMA nightjar_report IS 'Views for people who ask about runs in SQL. Stable: columns are added at the end, none is renamed.';

-- ---------------------------------------------------------------------------------------------------------------------
-- The order in which rows were written
-- ---------------------------------------------------------------------------------------------------------------------

-- CACHE 1, and a transaction has its own number (xid) before it takes one of these: whoever has read how far the sequence is
-- and then takes a number of his own, has a higher one than every transaction that had taken part in that. When all
-- transactions below it have ended, nothing is missing up to there. A clock could be set back, and says nothing of commits.
CREATE SEQUENCE nightjar.runs_written CACHE 1;
CREATE SEQUENCE nightjar.outcomes_written CACHE 1;
GRANT USAGE ON SEQUENCE nightjar.runs_written, nightjar.outcomes_written TO PUBLIC;

-- Null in rows that are older than this migration: they are in no figure.
ALTER TABLE nightjar.runs ADD COLUMN written bigint;
ALTER TABLE nightjar.outcomes ADD COLUMN written bigint;
ALTER TABLE nightjar.runs ALTER COLUMN written
    SET DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('nightjar.runs_written') END;
ALTER TABLE nightjar.outcomes ALTER COLUMN written
    SET DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('nightjar.outcomes_written') END;
ALTER TABLE nightjar.events ALTER COLUMN seq
    SET DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('nightjar.event_seq') END;

-- BRIN: half a microsecond of CPU for a row, with the column and its number; a b-tree takes one to two, and all writers
-- meet in its last page. A b-tree only where rows are few: runs that failed or were cancelled.
CREATE INDEX runs_written_at ON nightjar.runs USING brin (written) WITH (pages_per_range = 32);
CREATE INDEX events_written_at ON nightjar.events USING brin (seq) WITH (pages_per_range = 32);
CREATE INDEX outcomes_written_at ON nightjar.outcomes USING brin (written, ended_at) WITH (pages_per_range = 32);
CREATE INDEX outcomes_unsuccessful ON nightjar.outcomes (ended_at) WHERE status <> 1;

-- ---------------------------------------------------------------------------------------------------------------------
-- Histograms
-- ---------------------------------------------------------------------------------------------------------------------

-- Eight buckets for each doubling: what is read from one is off by 4.4 % at most. Bucket n holds what took more than
-- 2 ^ ((n - 1) / 8) and at most 2 ^ (n / 8) microseconds; bucket 0 the rest.
CREATE TYPE nightjar_report.histogram AS (buckets int[], counts bigint[], total bigint);
COMMENT ON TYPE nightjar_report.histogram IS
    'How many durations fell into which bucket, and how many there are. Bucket n: more than 2^((n-1)/8), at most 2^(n/8) microseconds. '
    'Add them up with nightjar_report.merge, read them with nightjar_report.quantile and nightjar_report.share_within.';

CREATE FUNCTION nightjar_report.bucket(seconds float8) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN seconds > 1e-6 THEN ceil(ln(seconds * 1e6) * 11.541560327111707)::int ELSE 0 END
$$;
COMMENT ON FUNCTION nightjar_report.bucket(float8) IS 'The bucket of a histogram into which a duration falls.';

CREATE FUNCTION nightjar_report.merged(histograms nightjar_report.histogram[]) RETURNS nightjar_report.histogram
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    h nightjar_report.histogram;
BEGIN
    SELECT array_agg(m.bucket ORDER BY m.bucket), array_agg(m.count ORDER BY m.bucket), sum(m.count)
    INTO h.buckets, h.counts, h.total
    FROM (SELECT u.bucket, sum(u.count)::bigint AS count
          FROM unnest(histograms) AS i CROSS JOIN LATERAL unnest(i.buckets, i.counts) AS u (bucket, count)
          GROUP BY u.bucket) m;
    RETURN CASE WHEN h.buckets IS NOT NULL THEN h END;
END $$;
COMMENT ON FUNCTION nightjar_report.merged(nightjar_report.histogram[]) IS 'Several histograms as one.';

CREATE AGGREGATE nightjar_report.merge(nightjar_report.histogram) (
    SFUNC = array_append, STYPE = nightjar_report.histogram[], INITCOND = '{}', FINALFUNC = nightjar_report.merged);
COMMENT ON AGGREGATE nightjar_report.merge(nightjar_report.histogram) IS 'Several histograms as one.';

CREATE FUNCTION nightjar_report.quantile(histogram nightjar_report.histogram, fraction float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    buckets constant int[] := histogram.buckets;
    counts constant bigint[] := histogram.counts;
    place int;
    left_over bigint;       -- how many are to be passed from the end from which it is nearer
BEGIN
    IF fraction IS NULL OR fraction < 0 OR fraction > 1 THEN
        RAISE EXCEPTION 'the fraction of a quantile lies between 0 and 1, as in 0.95; not %', coalesce(fraction::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF buckets IS NULL THEN
        RETURN NULL;
    END IF;
    left_over := greatest(ceil(histogram.total * fraction)::bigint, 1);
    IF fraction < 0.5 THEN
        place := 1;
        LOOP
            left_over := left_over - counts[place];
            EXIT WHEN left_over <= 0;
            place := place + 1;
        END LOOP;
    ELSE
        left_over := histogram.total - left_over;
        place := cardinality(counts);
        LOOP
            left_over := left_over - counts[place];
            EXIT WHEN left_over < 0;
            place := place - 1;
        END LOOP;
    END IF;
    -- The bucket's middle.
    RETURN CASE WHEN buckets[place] = 0 THEN 0 ELSE power(2, (buckets[place] - 0.5) / 8.0) / 1e6 END;
END $$;
COMMENT ON FUNCTION nightjar_report.quantile(nightjar_report.histogram, float8) IS
    'How many seconds a fraction of the durations took at most, give or take 4.4 %: 0.95 answers p95. Null of an empty histogram.';

CREATE FUNCTION nightjar_report.share_within(histogram nightjar_report.histogram, seconds float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(sum(u.count) FILTER (WHERE u.bucket <= nightjar_report.bucket(share_within.seconds)), 0)::float8
           / share_within.histogram.total
    FROM unnest(share_within.histogram.buckets, share_within.histogram.counts) AS u (bucket, count)
$$;
COMMENT ON FUNCTION nightjar_report.share_within(nightjar_report.histogram, float8) IS
    'Which share of the durations, from 0 to 1, took at most so many seconds; whole buckets count, so up to 9 % longer ones do.';

-- The second use of a step's id in a run is recorded as `id:1`.
CREATE FUNCTION nightjar_report.step_name(step text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN strpos(step, ':') > 1 THEN regexp_replace(step, ':[0-9]+$', '') ELSE step END
$$;
COMMENT ON FUNCTION nightjar_report.step_name(text) IS 'A step as its author called it: without the index of a repeated use.';

-- ---------------------------------------------------------------------------------------------------------------------
-- What is kept
-- ---------------------------------------------------------------------------------------------------------------------

-- By grain: a question about weeks finds a few pages of days, not rows here and there among those of a million minutes.
CREATE TABLE nightjar.run_rollups (
    tenant_id         int NOT NULL,
    function_id       int NOT NULL,
    grain             text NOT NULL,            -- minute, hour or day
    at                timestamptz NOT NULL,     -- its beginning, UTC
    queued            bigint NOT NULL DEFAULT 0,    -- by the time of creation; all else by that of the end
    completed         bigint NOT NULL DEFAULT 0,
    failed            bigint NOT NULL DEFAULT 0,
    cancelled         bigint NOT NULL DEFAULT 0,
    steps             bigint NOT NULL DEFAULT 0,
    retries           bigint NOT NULL DEFAULT 0,
    step_seconds      float8 NOT NULL DEFAULT 0,
    wait_seconds      float8 NOT NULL DEFAULT 0,
    execution_seconds float8 NOT NULL DEFAULT 0,
    waits             nightjar_report.histogram,
    executions        nightjar_report.histogram,
    cancels           nightjar_report.histogram,
    PRIMARY KEY (tenant_id, function_id, grain, at)
) PARTITION BY LIST (grain);
CREATE INDEX run_rollups_at ON nightjar.run_rollups (at);
CREATE TABLE nightjar.run_rollups_minute PARTITION OF nightjar.run_rollups FOR VALUES IN ('minute') WITH (fillfactor = 70);
CREATE TABLE nightjar.run_rollups_hour PARTITION OF nightjar.run_rollups FOR VALUES IN ('hour') WITH (fillfactor = 50);
CREATE TABLE nightjar.run_rollups_day PARTITION OF nightjar.run_rollups FOR VALUES IN ('day') WITH (fillfactor = 50);

CREATE TABLE nightjar.step_rollups (
    tenant_id   int NOT NULL,
    function_id int NOT NULL,
    grain       text NOT NULL,                  -- hour or day
    at          timestamptz NOT NULL,           -- its beginning, by the time of the step's end
    step        text NOT NULL,
    kind        smallint NOT NULL,
    count       bigint NOT NULL,
    failed      bigint NOT NULL,
    retries     bigint NOT NULL,
    seconds     float8 NOT NULL,
    durations   nightjar_report.histogram,
    PRIMARY KEY (tenant_id, function_id, grain, at, step, kind)
) PARTITION BY LIST (grain);
CREATE INDEX step_rollups_at ON nightjar.step_rollups (at);
CREATE TABLE nightjar.step_rollups_hour PARTITION OF nightjar.step_rollups FOR VALUES IN ('hour') WITH (fillfactor = 50);
CREATE TABLE nightjar.step_rollups_day PARTITION OF nightjar.step_rollups FOR VALUES IN ('day') WITH (fillfactor = 50);

CREATE TABLE nightjar.event_rollups (
    tenant_id int NOT NULL,
    at        timestamptz NOT NULL,             -- the beginning of an hour, by the time of reception
    name      text NOT NULL,
    count     bigint NOT NULL,
    last_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, at, name)
) WITH (fillfactor = 70);
CREATE INDEX event_rollups_at ON nightjar.event_rollups (at);

-- How far each log is read.
CREATE TABLE nightjar.rollup_progress (
    source      text PRIMARY KEY,
    done        bigint NOT NULL DEFAULT 0,      -- up to this number everything is counted, and nothing beyond
    seen        bigint NOT NULL DEFAULT 0,      -- how far the sequence was when
    seen_by     xid8,                           -- a transaction of this number began: see runs_written. Null: nothing to wait for
    advanced_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
-- Events are numbered since long: those before this migration are in no figure either.
INSERT INTO nightjar.rollup_progress (source, done, seen)
SELECT s.source, s.done, s.done
FROM (VALUES ('runs', 0::bigint), ('outcomes', 0),
             ('events', (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM nightjar.event_seq))) AS s (source, done);

-- ---------------------------------------------------------------------------------------------------------------------
-- Reading the logs
-- ---------------------------------------------------------------------------------------------------------------------

-- Each of the three adds what the rows with a number in (after, upto] say.
-- Seqscans and joins other than nested loops are off: statistics of a partition may be from when it was empty.
-- Locks: rows of roll-ups, by insertion; nobody else writes them. Index: runs_written_at.
CREATE FUNCTION nightjar.roll_up_runs(after bigint, upto bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO nightjar.run_rollups AS u (tenant_id, function_id, grain, at, queued)
    SELECT m.tenant_id, m.function_id, g.grain, date_trunc(g.grain, m.minute), sum(m.count)
    FROM (SELECT r.tenant_id, r.function_id, date_trunc('minute', r.created_at) AS minute, count(*) AS count
          FROM nightjar.runs r WHERE r.written > after AND r.written <= upto GROUP BY 1, 2, 3) m
    CROSS JOIN (VALUES ('minute'), ('hour'), ('day')) AS g (grain)
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, function_id, grain, at) DO UPDATE SET queued = u.queued + excluded.queued;
END $$;

-- A name that is made up anew for every event would make a row of each: beyond 1,000 names in a tenant's hour all others are
-- counted as one. Index: events_written_at, event_rollups_pkey.
CREATE FUNCTION nightjar.roll_up_events(after bigint, upto bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO nightjar.event_rollups AS u (tenant_id, at, name, count, last_at)
    SELECT n.tenant_id, n.at, CASE WHEN n.known OR n.place + n.names <= 1000 THEN n.name ELSE '(other names)' END,
           sum(n.count), max(n.last_at)
    FROM (SELECT n.*, row_number() OVER (PARTITION BY n.tenant_id, n.at, n.known ORDER BY n.count DESC, n.name) AS place,
                 CASE WHEN n.known THEN 0 ELSE (SELECT count(*) FROM nightjar.event_rollups k
                                                WHERE k.tenant_id = n.tenant_id AND k.at = n.at) END AS names
          FROM (SELECT m.*, EXISTS (SELECT FROM nightjar.event_rollups k
                                    WHERE k.tenant_id = m.tenant_id AND k.at = m.at AND k.name = m.name OFFSET 0) AS known
                FROM (SELECT e.tenant_id, date_trunc('hour', e.received_at) AS at, e.name, count(*) AS count,
                             max(e.received_at) AS last_at
                      FROM nightjar.events e WHERE e.seq > after AND e.seq <= upto GROUP BY 1, 2, 3) m) n) n
    GROUP BY 1, 2, 3
    ON CONFLICT (tenant_id, at, name)
        DO UPDATE SET count = u.count + excluded.count, last_at = greatest(u.last_at, excluded.last_at);
END $$;

-- A run is counted when it has ended, with all its steps: they were committed before its outcome, or with it.
-- Indexes: outcomes_written_at, runs_pkey, events_pkey, steps_pkey, attempts_pkey, step_rollups_pkey.
CREATE FUNCTION nightjar.roll_up_outcomes(after bigint, upto bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    WITH ended AS MATERIALIZED (
        SELECT o.run_id, o.tenant_id, o.function_id, o.status, o.started_at, o.ended_at,
               CASE WHEN o.status = 3 THEN extract(epoch FROM o.ended_at - (o.cause ->> 'asked_at')::timestamptz)::float8 END AS cancelling
        FROM nightjar.outcomes o WHERE o.written > after AND o.written <= upto
    ), step AS MATERIALIZED (
        SELECT e.tenant_id, e.function_id, date_trunc('minute', e.ended_at) AS minute, coalesce(s.name, nightjar_report.step_name(s.step)) AS step, s.kind,
               s.failed, s.attempt, date_trunc('hour', s.ended_at) AS at, greatest(extract(epoch FROM s.ended_at - s.started_at), 0)::float8 AS seconds
        FROM ended e
        CROSS JOIN LATERAL (SELECT s.name, s.step, s.kind, s.failed, s.attempt, s.started_at, s.ended_at
                            FROM nightjar.steps s WHERE s.run_id = e.run_id OFFSET 0) s
    ), counted AS MATERIALIZED (
        SELECT b.tenant_id, b.function_id, b.grain, b.at, b.step, b.kind, sum(b.count)::bigint AS count, sum(b.failed) AS failed,
               sum(b.retries) AS retries, sum(b.seconds) AS seconds,
               (array_agg(b.bucket ORDER BY b.bucket), array_agg(b.count ORDER BY b.bucket), sum(b.count)::bigint)::nightjar_report.histogram AS durations
        FROM (SELECT s.tenant_id, s.function_id, g.grain, date_trunc(g.grain, s.at) AS at, s.step, s.kind,
                     nightjar_report.bucket(s.seconds) AS bucket, count(*) AS count, count(*) FILTER (WHERE s.failed) AS failed,
                     sum(greatest(s.attempt - 1, 0)) AS retries, sum(s.seconds) AS seconds
              FROM step s CROSS JOIN (VALUES ('hour'), ('day')) AS g (grain) GROUP BY 1, 2, 3, 4, 5, 6, 7) b
        GROUP BY 1, 2, 3, 4, 5, 6
    ), named AS (
        -- Beyond 200 steps in a function's hour, or day, all others are counted as one: some have an id in their name.
        SELECT n.*, CASE WHEN n.known OR n.names + row_number()
                                  OVER (PARTITION BY n.tenant_id, n.function_id, n.grain, n.at, n.known ORDER BY n.count DESC, n.step, n.kind) <= 200
                         THEN n.step ELSE '(other steps)' END AS label
        FROM (SELECT c.*, EXISTS (SELECT FROM nightjar.step_rollups k
                                  WHERE k.tenant_id = c.tenant_id AND k.function_id = c.function_id AND k.grain = c.grain AND k.at = c.at
                                    AND k.step = c.step AND k.kind = c.kind OFFSET 0) AS known,
                     (SELECT count(*) FROM nightjar.step_rollups k
                      WHERE k.tenant_id = c.tenant_id AND k.function_id = c.function_id AND k.grain = c.grain AND k.at = c.at) AS names
              FROM counted c) n
    ), steps AS (
        INSERT INTO nightjar.step_rollups AS u (tenant_id, function_id, grain, at, step, kind, count, failed, retries, seconds, durations)
        SELECT n.tenant_id, n.function_id, n.grain, n.at, n.label, n.kind, sum(n.count), sum(n.failed), sum(n.retries), sum(n.seconds),
               nightjar_report.merge(n.durations)
        FROM named n GROUP BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (tenant_id, function_id, grain, at, step, kind) DO UPDATE
            SET count = u.count + excluded.count, failed = u.failed + excluded.failed, retries = u.retries + excluded.retries,
                seconds = u.seconds + excluded.seconds, durations = nightjar_report.merged(ARRAY[u.durations, excluded.durations])
    ), measured AS (
        -- 0 the run itself, with its status in place of a bucket; 1 wait; 2 execution; 3 cancel.
        SELECT e.tenant_id, e.function_id, date_trunc('minute', e.ended_at) AS minute, m.measure,
               CASE m.measure WHEN 0 THEN e.status ELSE nightjar_report.bucket(m.seconds) END AS bucket,
               count(*) AS count, sum(m.seconds) AS seconds, sum(m.retries) AS retries
        FROM ended e
        CROSS JOIN LATERAL (
            -- A run of an event that lies ahead waits from then on. LIMIT 1, OFFSET 0: lookups, each in one partition.
            SELECT greatest(r.created_at, v.ts) AS due_at
            FROM (SELECT 1) AS one
            LEFT JOIN LATERAL (SELECT r.created_at, r.event_id FROM nightjar.runs r WHERE r.run_id = e.run_id LIMIT 1) r ON true
            LEFT JOIN LATERAL (SELECT v.ts FROM nightjar.events v WHERE v.event_id = r.event_id LIMIT 1) v ON true) d
        CROSS JOIN LATERAL (
            SELECT 0 AS measure, NULL::float8 AS seconds,
                   (SELECT count(*) FROM nightjar.attempts t WHERE t.run_id = e.run_id) AS retries
            UNION ALL SELECT 1, greatest(extract(epoch FROM e.started_at - d.due_at), 0)::float8, NULL WHERE e.started_at IS NOT NULL
            UNION ALL SELECT 2, greatest(extract(epoch FROM e.ended_at - e.started_at), 0)::float8, NULL WHERE e.started_at IS NOT NULL
            UNION ALL SELECT 3, greatest(e.cancelling, 0), NULL WHERE e.cancelling IS NOT NULL) m
        GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        -- 4 steps; those that only wait take nobody's time.
        SELECT s.tenant_id, s.function_id, s.minute, 4, 0, count(*), sum(s.seconds) FILTER (WHERE s.kind NOT IN (2, 4, 5, 6)), NULL
        FROM step s GROUP BY 1, 2, 3
    )
    INSERT INTO nightjar.run_rollups AS u (tenant_id, function_id, grain, at, completed, failed, cancelled, steps, retries,
                                           step_seconds, wait_seconds, execution_seconds, waits, executions, cancels)
    SELECT b.tenant_id, b.function_id, b.grain, b.at,
           coalesce(sum(b.count) FILTER (WHERE b.measure = 0 AND b.bucket = 1), 0),
           coalesce(sum(b.count) FILTER (WHERE b.measure = 0 AND b.bucket = 2), 0),
           coalesce(sum(b.count) FILTER (WHERE b.measure = 0 AND b.bucket = 3), 0),
           coalesce(sum(b.count) FILTER (WHERE b.measure = 4), 0),
           coalesce(sum(b.retries), 0),
           coalesce(sum(b.seconds) FILTER (WHERE b.measure = 4), 0),
           coalesce(sum(b.seconds) FILTER (WHERE b.measure = 1), 0),
           coalesce(sum(b.seconds) FILTER (WHERE b.measure = 2), 0),
           nullif((array_agg(b.bucket ORDER BY b.bucket) FILTER (WHERE b.measure = 1),
                   array_agg(b.count ORDER BY b.bucket) FILTER (WHERE b.measure = 1),
                   (sum(b.count) FILTER (WHERE b.measure = 1))::bigint)::nightjar_report.histogram,
                  (NULL, NULL, NULL)::nightjar_report.histogram),
           nullif((array_agg(b.bucket ORDER BY b.bucket) FILTER (WHERE b.measure = 2),
                   array_agg(b.count ORDER BY b.bucket) FILTER (WHERE b.measure = 2),
                   (sum(b.count) FILTER (WHERE b.measure = 2))::bigint)::nightjar_report.histogram,
                  (NULL, NULL, NULL)::nightjar_report.histogram),
           nullif((array_agg(b.bucket ORDER BY b.bucket) FILTER (WHERE b.measure = 3),
                   array_agg(b.count ORDER BY b.bucket) FILTER (WHERE b.measure = 3),
                   (sum(b.count) FILTER (WHERE b.measure = 3))::bigint)::nightjar_report.histogram,
                  (NULL, NULL, NULL)::nightjar_report.histogram)
    FROM (SELECT m.tenant_id, m.function_id, g.grain, date_trunc(g.grain, m.minute) AS at, m.measure, m.bucket,
                 sum(m.count)::bigint AS count, sum(m.seconds) AS seconds, sum(m.retries) AS retries
          FROM measured m CROSS JOIN (VALUES ('minute'), ('hour'), ('day')) AS g (grain)
          GROUP BY 1, 2, 3, 4, 5, 6) b
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, function_id, grain, at) DO UPDATE
        SET completed = u.completed + excluded.completed, failed = u.failed + excluded.failed,
            cancelled = u.cancelled + excluded.cancelled, steps = u.steps + excluded.steps, retries = u.retries + excluded.retries,
            step_seconds = u.step_seconds + excluded.step_seconds, wait_seconds = u.wait_seconds + excluded.wait_seconds,
            execution_seconds = u.execution_seconds + excluded.execution_seconds,
            waits = nightjar_report.merged(ARRAY[u.waits, excluded.waits]),
            executions = nightjar_report.merged(ARRAY[u.executions, excluded.executions]),
            cancels = nightjar_report.merged(ARRAY[u.cancels, excluded.cancels]);
END $$;

-- Adds what was written since, up to `most` outcomes and four times as many runs and events, and answers how far it came in the
-- log that is furthest behind, up to `most`; 0: there is nothing more, or somebody else is at it. Minutes older than five weeks are
-- forgotten. Anybody may call it at any time; once it has rolled back, nothing has happened.
--
-- A number is counted when every transaction that may have taken a lower one has ended. To know that, it reads how far the
-- sequences are, and then takes a number (xid) of its own; once all transactions below that have ended, which a later call finds,
-- it counts up to where the sequences were. So a transaction that stays open keeps the figures where they are, and so does one
-- in another database of the same server.
-- Locks: advisory (transaction), tried only; rows of roll-ups. Nobody waits for it.
-- Measured and rejected: b-trees over the numbers (twice the cost for the writers); a trigger of the logs (50 µs a statement);
-- time in place of numbers (commits are not in its order, and clocks are set back).
CREATE FUNCTION nightjar_report.roll_up(most int DEFAULT 20000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    -- In a transaction that has its number already, that one may be too low.
    fresh constant boolean := pg_current_xact_id_if_assigned() IS NULL;
    reached jsonb;
    mine xid8;
    p record;
    upto bigint;
    chunk bigint;
    furthest bigint := 0;
BEGIN
    IF most < 1 THEN
        RAISE EXCEPTION 'roll_up counts at least one row at a time, not %', most USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtext('nightjar_report.roll_up')) THEN
        RETURN 0;
    END IF;
    IF fresh THEN
        -- In this order: see above.
        reached := jsonb_build_object(
            'runs', (SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM nightjar.runs_written s),
            'outcomes', (SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM nightjar.outcomes_written s),
            'events', (SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM nightjar.event_seq s));
        mine := pg_current_xact_id();
    END IF;
    FOR p IN SELECT r.*, r.seen_by >= pg_snapshot_xmax(pg_current_snapshot()) AS impossible,
                    r.seen_by <= pg_snapshot_xmin(pg_current_snapshot()) AS safe
             FROM nightjar.rollup_progress r ORDER BY r.source DESC LOOP
        IF p.impossible THEN
            -- It comes from another server: this database was restored.
            p.seen := p.done;
            p.seen_by := NULL;
        ELSIF p.safe THEN
            p.seen_by := NULL;
        END IF;
        -- What is safe: up to `seen`, unless somebody is to be waited for.
        IF p.seen_by IS NULL AND p.seen > p.done THEN
            chunk := CASE p.source WHEN 'outcomes' THEN most ELSE 4::bigint * most END;
            upto := least(p.seen, p.done + chunk);
            CASE p.source
                WHEN 'runs' THEN PERFORM nightjar.roll_up_runs(p.done, upto);
                WHEN 'outcomes' THEN PERFORM nightjar.roll_up_outcomes(p.done, upto);
                WHEN 'events' THEN PERFORM nightjar.roll_up_events(p.done, upto);
            END CASE;
            furthest := greatest(furthest, (upto - p.done) * most / chunk);
            p.done := upto;
        END IF;
        IF p.seen_by IS NULL AND p.seen <= p.done AND (reached ->> p.source)::bigint > p.done THEN
            p.seen := reached ->> p.source;
            p.seen_by := mine;
        END IF;
        UPDATE nightjar.rollup_progress r
        SET done = p.done, seen = p.seen, seen_by = p.seen_by, advanced_at = clock_timestamp()
        WHERE r.source = p.source;
    END LOOP;
    DELETE FROM nightjar.run_rollups_minute u WHERE u.ctid = ANY (ARRAY(
        SELECT o.ctid FROM nightjar.run_rollups_minute o WHERE o.at < now() - interval '35 days' LIMIT 1000));
    RETURN furthest;
END $$;
COMMENT ON FUNCTION nightjar_report.roll_up(int) IS
    'Adds what was written since the last call to the roll-ups. Workers call it; answers 0 when there is nothing more for now.';

REVOKE EXECUTE ON FUNCTION nightjar.roll_up_runs(bigint, bigint), nightjar.roll_up_events(bigint, bigint),
    nightjar.roll_up_outcomes(bigint, bigint), nightjar_report.roll_up(int) FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (20, 'rollups');
