-- Run again after every migration: each statement replaces what is there.
CREATE SCHEMA IF NOT EXISTS analytics;
COMMENT ON SCHEMA analytics IS 'What may be asked of Dalston by SQL: docs/analytics.md';

-- Whose rows the views show. The web sets dalston.reader to 'SIGNATURE:TENANT' in each transaction.
-- Anybody can set it, too, but nobody else can sign. The names are bound now: no search path matters.
CREATE OR REPLACE FUNCTION analytics.tenant() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT substr(claim.said, 66)
    FROM (SELECT current_setting('dalston.reader', true) AS said) AS claim, secrets AS s
    WHERE s.name = 'reader'
      AND left(claim.said, 65) = encode(sha256(convert_to(s.value || encode(sha256(
          convert_to(s.value || substr(claim.said, 66), 'UTF8')), 'hex'), 'UTF8')), 'hex') || ':';
END;

-- JSON as the archive has it: a log may hold anything, and one bad line must not spoil all answers.
-- jsonb knows no NUL: it is taken out. What is no object is an empty one.
CREATE OR REPLACE FUNCTION analytics.payload(given text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL RESTRICTED AS $$
DECLARE found jsonb;
BEGIN
    BEGIN
        found := given::jsonb;
    EXCEPTION WHEN OTHERS THEN
        found := regexp_replace(given, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::jsonb;
    END;
    RETURN CASE jsonb_typeof(found) WHEN 'object' THEN found ELSE '{}' END;
EXCEPTION WHEN OTHERS THEN
    RETURN '{}';
END $$;

-- A number of JSON; of anything else, none.
CREATE OR REPLACE FUNCTION analytics.number(given jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN jsonb_typeof(given) = 'number' AND abs(given::numeric) < 1e300
         THEN given::double precision END;

CREATE OR REPLACE FUNCTION analytics.whole(given jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN jsonb_typeof(given) = 'number' AND abs(given::numeric) < 9e18 THEN given::bigint END;

-- The next rows of a cursor as JSON, up to a size: one value may have a gigabyte, and would
-- otherwise be in the memory of whoever reads it before anybody could look.
CREATE OR REPLACE FUNCTION analytics.page(asked refcursor, at_most integer, room bigint)
RETURNS SETOF text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    taken record;
    line text;
BEGIN
    FOR i IN 1..at_most LOOP
        FETCH asked INTO taken;
        EXIT WHEN NOT FOUND;
        line := row_to_json(taken);
        room := room - octet_length(line);
        IF room < 0 THEN
            RAISE EXCEPTION 'the answer is too large' USING ERRCODE = 'program_limit_exceeded',
                HINT = 'ask for fewer columns, fewer rows or sums';
        END IF;
        RETURN NEXT line;
    END LOOP;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA analytics FROM PUBLIC;
