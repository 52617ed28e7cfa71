-- Nightjar 0006: expressions, evaluated on events; and paths of several parts.
--
-- Expressions are compiled outside (a documented subset of CEL, docs/cancellation.md) to JSON arrays: an operator, then
-- its operands. jsonb_path_match would be faster by far and was rejected: jsonpath has no equality of arrays and objects,
-- no size of a string, no ends-with, no contains, and no starts-with whose argument is a field.
SET LOCAL client_min_messages = warning;

-- An event as expressions see it. What it lacks is missing, not null.
CREATE FUNCTION nightjar.event_json(name text, data jsonb, "user" jsonb, id text, ts timestamptz) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object('id', id, 'name', name, 'data', data,
                              'ts', CASE WHEN isfinite(ts) THEN floor(extract(epoch FROM ts) * 1000)::bigint END)
           || CASE WHEN "user" IS NULL THEN '{}' ELSE jsonb_build_object('user', "user") END
$$;

-- Two numbers; missing where mathematics has no answer or numeric no room for it.
CREATE FUNCTION nightjar.arithmetic(operator text, a numeric, b numeric) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN to_jsonb(CASE operator WHEN '+' THEN a + b WHEN '-' THEN a - b WHEN '*' THEN a * b
                                  WHEN '/' THEN a / b ELSE a % b END);
EXCEPTION WHEN division_by_zero OR numeric_value_out_of_range THEN
    RETURN NULL;
END $$;

-- The value of an expression; SQL NULL is "missing". An operator whose operand is missing, or of a type that it is not
-- made for, answers missing; but false && missing is false, true || missing is true, and has() is true or false.
CREATE FUNCTION nightjar.evaluate(expression jsonb, event jsonb, async jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    operator constant text := expression ->> 0;
    operands constant int := jsonb_array_length(expression) - 1;
    a jsonb;
    b jsonb;
    type_a text;
    absorbing jsonb;
    unknown boolean := false;
BEGIN
    CASE operator
    WHEN 'event', 'async' THEN
        a := CASE operator WHEN 'event' THEN event ELSE async END;
        FOR i IN 1 .. operands LOOP
            a := a #> ARRAY[expression ->> i];
        END LOOP;
        RETURN a;
    WHEN 'lit' THEN
        RETURN expression -> 1;
    WHEN '&&', '||' THEN
        absorbing := to_jsonb(operator = '||');
        FOR i IN 1 .. operands LOOP
            a := nightjar.evaluate(expression -> i, event, async);
            IF a = absorbing THEN
                RETURN absorbing;
            END IF;
            unknown := unknown OR a IS NULL OR jsonb_typeof(a) <> 'boolean';
        END LOOP;
        RETURN CASE WHEN NOT unknown THEN to_jsonb(operator = '&&') END;
    WHEN 'has' THEN
        RETURN to_jsonb(nightjar.evaluate(expression -> 1, event, async) IS NOT NULL);
    WHEN 'list' THEN
        b := '[]';
        FOR i IN 1 .. operands LOOP
            a := nightjar.evaluate(expression -> i, event, async);
            IF a IS NULL THEN
                RETURN NULL;
            END IF;
            b := b || jsonb_build_array(a);
        END LOOP;
        RETURN b;
    ELSE
        NULL;
    END CASE;

    a := nightjar.evaluate(expression -> 1, event, async);
    IF a IS NULL THEN
        RETURN NULL;
    END IF;
    type_a := jsonb_typeof(a);
    CASE operator
    WHEN '!' THEN
        RETURN CASE type_a WHEN 'boolean' THEN to_jsonb(NOT a::boolean) END;
    WHEN 'neg' THEN
        RETURN CASE type_a WHEN 'number' THEN to_jsonb(-a::numeric) END;
    WHEN 'size' THEN
        RETURN CASE type_a WHEN 'string' THEN to_jsonb(char_length(a #>> '{}'))
                           WHEN 'array' THEN to_jsonb(jsonb_array_length(a))
                           WHEN 'object' THEN to_jsonb((SELECT count(*) FROM jsonb_object_keys(a))) END;
    WHEN 'field' THEN
        RETURN a #> ARRAY[expression ->> 2];
    ELSE
        NULL;
    END CASE;

    b := nightjar.evaluate(expression -> 2, event, async);
    IF b IS NULL THEN
        RETURN NULL;
    END IF;
    CASE operator
    WHEN '==' THEN
        RETURN to_jsonb(a = b);
    WHEN '!=' THEN
        RETURN to_jsonb(a <> b);
    WHEN 'in' THEN
        RETURN CASE jsonb_typeof(b)
            WHEN 'array' THEN to_jsonb(EXISTS (SELECT FROM jsonb_array_elements(b) e WHERE e.value = a))
            WHEN 'object' THEN CASE type_a WHEN 'string' THEN to_jsonb(b ? (a #>> '{}')) END END;
    WHEN 'at' THEN
        RETURN CASE WHEN jsonb_typeof(b) = 'string' AND type_a = 'object' THEN a -> (b #>> '{}')
                    WHEN jsonb_typeof(b) = 'number' AND type_a = 'array' AND b::numeric BETWEEN 0 AND 2147483647
                         AND b::numeric % 1 = 0 THEN a -> b::numeric::int END;
    ELSE
        NULL;
    END CASE;
    IF type_a IS DISTINCT FROM jsonb_typeof(b) THEN
        RETURN NULL;
    END IF;
    IF type_a = 'number' THEN
        RETURN CASE operator
            WHEN '<' THEN to_jsonb(a::numeric < b::numeric) WHEN '<=' THEN to_jsonb(a::numeric <= b::numeric)
            WHEN '>' THEN to_jsonb(a::numeric > b::numeric) WHEN '>=' THEN to_jsonb(a::numeric >= b::numeric)
            WHEN '+' THEN nightjar.arithmetic('+', a::numeric, b::numeric)
            WHEN '-' THEN nightjar.arithmetic('-', a::numeric, b::numeric)
            WHEN '*' THEN nightjar.arithmetic('*', a::numeric, b::numeric)
            WHEN '/' THEN nightjar.arithmetic('/', a::numeric, b::numeric)
            WHEN '%' THEN nightjar.arithmetic('%', a::numeric, b::numeric) END;
    ELSIF type_a = 'string' THEN
        RETURN CASE operator
            WHEN '<' THEN to_jsonb((a #>> '{}') COLLATE "C" < (b #>> '{}') COLLATE "C")
            WHEN '<=' THEN to_jsonb((a #>> '{}') COLLATE "C" <= (b #>> '{}') COLLATE "C")
            WHEN '>' THEN to_jsonb((a #>> '{}') COLLATE "C" > (b #>> '{}') COLLATE "C")
            WHEN '>=' THEN to_jsonb((a #>> '{}') COLLATE "C" >= (b #>> '{}') COLLATE "C")
            WHEN '+' THEN to_jsonb((a #>> '{}') || (b #>> '{}'))
            WHEN 'startsWith' THEN to_jsonb(starts_with(a #>> '{}', b #>> '{}'))
            WHEN 'endsWith' THEN to_jsonb(right(a #>> '{}', char_length(b #>> '{}')) = (b #>> '{}') COLLATE "C")
            WHEN 'contains' THEN to_jsonb(strpos((a #>> '{}') COLLATE "C", b #>> '{}') > 0) END;
    END IF;
    RETURN NULL;
END $$;

-- As in 0002, in PL/pgSQL: that body could not be inlined either, and a call of it took 3.1 µs where this takes 0.6.
CREATE OR REPLACE FUNCTION nightjar.event_value(path text[], name text, data jsonb, "user" jsonb, id text, ts timestamptz)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    CASE coalesce(path[1], '')
        WHEN 'data' THEN RETURN data #> path[2:];
        WHEN ''     THEN RETURN 'true'::jsonb;
        WHEN 'user' THEN RETURN "user" #> path[2:];
        WHEN 'name' THEN RETURN to_jsonb(name);
        WHEN 'id'   THEN RETURN to_jsonb(id);
        WHEN 'ts'   THEN RETURN CASE WHEN isfinite(ts) THEN to_jsonb(floor(extract(epoch FROM ts) * 1000)::bigint) END;
        ELSE RETURN NULL;
    END CASE;
END $$;

-- A value as it stands in a key of several parts: a large one is hashed once, not with each of the values beside it.
CREATE FUNCTION nightjar.key_part(value jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    canonical text;
BEGIN
    IF octet_length(value::text) < 100 THEN
        RETURN value;
    END IF;
    canonical := nightjar.canonical_json(value);
    RETURN CASE WHEN octet_length(canonical) < 256 THEN value
                ELSE jsonb_build_object(E'\x01sha256', encode(sha256(convert_to(canonical, 'UTF8')), 'hex')) END;
END $$;

-- The values that stand together at a path of several parts, as JSON arrays: none if one part is missing. Such a path
-- begins with ''; each further element is JSON: an array is a path, {"is": v} the value v itself, {"each": path} the
-- elements of the array, or the keys of the object, at that path, one after the other: the only part that makes several
-- values of one event.
CREATE FUNCTION nightjar.tuple_values(path text[], name text, data jsonb, "user" jsonb, id text, ts timestamptz)
RETURNS SETOF jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
DECLARE
    -- Each element is a key in the match index.
    most constant int := 10000;
    parts jsonb[] := '{}';
    spread int;
    part jsonb;
    value jsonb;
    element jsonb;
BEGIN
    FOR i IN 2 .. cardinality(path) LOOP
        part := path[i]::jsonb;
        IF part ? 'is' AND jsonb_typeof(part) = 'object' THEN
            value := part -> 'is';
        ELSIF jsonb_typeof(part) = 'object' THEN
            value := nightjar.event_value(ARRAY(SELECT jsonb_array_elements_text(part -> 'each')), name, data, "user", id, ts);
            IF jsonb_typeof(value) = 'object' THEN
                value := (SELECT coalesce(jsonb_agg(k), '[]') FROM jsonb_object_keys(value) k);    -- as `in` has it
            END IF;
            IF jsonb_typeof(value) IS DISTINCT FROM 'array' THEN
                RETURN;
            ELSIF jsonb_array_length(value) > most THEN
                RAISE EXCEPTION 'event "%" has % values at %, which are matched one by one; the limit is %', name,
                    jsonb_array_length(value), part ->> 'each', most
                    USING ERRCODE = 'program_limit_exceeded', HINT = 'Send several events with fewer values each.';
            END IF;
            spread := i - 1;
            parts := parts || value;
            CONTINUE;
        ELSE
            value := nightjar.event_value(ARRAY(SELECT jsonb_array_elements_text(part)), name, data, "user", id, ts);
        END IF;
        IF value IS NULL THEN
            RETURN;
        END IF;
        parts := parts || nightjar.key_part(value);
    END LOOP;
    IF spread IS NULL THEN
        RETURN NEXT to_jsonb(parts);
        RETURN;
    END IF;
    FOR element IN SELECT DISTINCT e.value FROM jsonb_array_elements(parts[spread]) e LOOP
        parts[spread] := nightjar.key_part(element);
        RETURN NEXT to_jsonb(parts);
    END LOOP;
END $$;

-- All values at a path of either kind; the planner inlines this. OFFSET 0: else the value is computed twice.
CREATE FUNCTION nightjar.event_values(path text[], name text, data jsonb, "user" jsonb, id text, ts timestamptz)
RETURNS SETOF jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT v.value FROM (SELECT nightjar.event_value(path, name, data, "user", id, ts) AS value OFFSET 0) v
    WHERE coalesce(path[1], '-') <> '' AND v.value IS NOT NULL
    UNION ALL
    SELECT t.value FROM nightjar.tuple_values(path, name, data, "user", id, ts) AS t (value) WHERE path[1] = ''
$$;

-- The same 128 bits as a ULID, in Crockford's base 32: under which remote apps know events and runs.
CREATE FUNCTION nightjar.ulid(id uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + substring(b.bits FROM 5 * i + 1 FOR 5)::bit(5)::int, 1), '' ORDER BY i)
    FROM (SELECT B'00' || ('x' || replace(id::text, '-', ''))::bit(128) AS bits) b CROSS JOIN generate_series(0, 25) i
$$;

-- An event by its id, as expressions see it; `remote`: those of a remote app. Index: events_pkey, pruned to one partition.
CREATE FUNCTION nightjar.event_json(event_id uuid, remote boolean DEFAULT false) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT nightjar.event_json(e.name, e.data, e."user",
                               coalesce(e.id, CASE WHEN remote THEN nightjar.ulid(e.event_id) ELSE e.event_id::text END), e.ts)
    FROM nightjar.events e WHERE e.event_id = event_json.event_id
$$;

-- The event that started a run. Indexes: runs_pkey, events_pkey.
CREATE FUNCTION nightjar.trigger_json(run_id uuid, remote boolean DEFAULT false) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT nightjar.event_json(r.event_id, remote) FROM nightjar.runs r WHERE r.run_id = trigger_json.run_id
$$;

REVOKE EXECUTE ON FUNCTION
    nightjar.event_json(text, jsonb, jsonb, text, timestamptz), nightjar.arithmetic(text, numeric, numeric),
    nightjar.evaluate(jsonb, jsonb, jsonb), nightjar.key_part(jsonb), nightjar.tuple_values(text[], text, jsonb, jsonb, text, timestamptz),
    nightjar.event_values(text[], text, jsonb, jsonb, text, timestamptz), nightjar.event_json(uuid, boolean),
    nightjar.trigger_json(uuid, boolean) FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (6, 'expressions');
