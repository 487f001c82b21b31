-- Section 1: the set of facts, one to each id, before any has fallen.
-- The parameter is a file of lines: topic, instant, canonical JSON of the fact; between them tabs.

CREATE TABLE told AS
SELECT
    topic,
    happened,
    canonical,
    unnest(
        from_json(
            canonical,
            '{
                "fact": "VARCHAR", "fact_id": "VARCHAR", "force": "VARCHAR", "subject_id": "VARCHAR",
                "corrects": "VARCHAR", "withdraws": "VARCHAR",
                "line": "VARCHAR", "queue": "VARCHAR", "channel": "VARCHAR", "result": "VARCHAR",
                "grade": "VARCHAR", "group": "VARCHAR", "area": "VARCHAR", "category": "VARCHAR",
                "domestic": "BOOLEAN", "unit": "VARCHAR",
                "suite": "VARCHAR", "child": "BOOLEAN", "disposal": "VARCHAR", "relevant_time": "TIMESTAMPTZ", "until": "TIMESTAMPTZ",
                "hours": "BIGINT",
                "type": "VARCHAR", "victim_based": "BOOLEAN",
                "role": "VARCHAR", "repeat": "BOOLEAN", "domestic_repeat": "BOOLEAN", "compliance": "VARCHAR"
            }'
        )
    )
FROM read_csv(
    getvariable('facts_file'),
    delim = '\t', quote = '', escape = '', header = false, auto_detect = false,
    columns = {'topic': 'VARCHAR', 'happened': 'BIGINT', 'canonical': 'VARCHAR'}
);

-- A subject is its force, its topic and its id; a number stands for the three.
CREATE TABLE subject AS
SELECT row_number() OVER () AS subject, force, topic, subject_id
FROM (SELECT DISTINCT force, topic, subject_id FROM told);

-- Of different facts under one id the later stands; of equally late ones the greater in canonical JSON. `place` is the
-- order of `at`, then of `fact_id`.
CREATE TABLE standing AS
WITH
one_to_each_id AS (
    SELECT subject.subject, told.*
    FROM told
    JOIN subject USING (force, topic, subject_id)
    QUALIFY row_number() OVER (PARTITION BY subject.subject, fact_id ORDER BY happened DESC, canonical DESC) = 1
)
SELECT row_number() OVER (ORDER BY happened, fact_id) AS place, * EXCLUDE (canonical, topic, subject_id)
FROM one_to_each_id;

DROP TABLE told;

-- Who would make whom fall, by place.
CREATE TABLE strike AS
WITH
naming AS (
    SELECT subject, place, corrects AS named FROM standing WHERE corrects IS NOT NULL
    UNION
    SELECT subject, place, withdraws AS named FROM standing WHERE withdraws IS NOT NULL
)
SELECT naming.place AS striker, struck.place AS struck
FROM naming
JOIN standing AS struck ON struck.subject = naming.subject AND struck.fact_id = naming.named;

-- Filled by bluelamp/recount/withdrawal.py: the facts that fell or count for nothing.
CREATE TABLE gone (place BIGINT);
