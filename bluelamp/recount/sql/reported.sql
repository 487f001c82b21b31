-- Section 1: the facts as they were reported.
-- The parameter is a file with a line for each fact: topic, time, its subject as "force id", canonical JSON and number in the
-- order of the log, separated by tabs. If the table `wanted` lists subjects, only theirs count.

CREATE TABLE reported AS
SELECT
    topic,
    happened,
    canonical,
    number,
    unnest(
        from_json(
            canonical,
            '{
                "fact": "VARCHAR", "fact_id": "VARCHAR", "force": "VARCHAR", "subject_id": "VARCHAR",
                "corrects": "VARCHAR", "withdraws": "VARCHAR", "recorded_at": "TIMESTAMPTZ",
                "line": "VARCHAR", "queue": "VARCHAR", "channel": "VARCHAR", "result": "VARCHAR", "promised_for": "TIMESTAMPTZ",
                "grade": "VARCHAR", "group": "VARCHAR", "area": "VARCHAR", "category": "VARCHAR",
                "domestic": "BOOLEAN", "unit": "VARCHAR",
                "suite": "VARCHAR", "child": "BOOLEAN", "disposal": "VARCHAR", "relevant_time": "TIMESTAMPTZ", "until": "TIMESTAMPTZ",
                "hours": "BIGINT", "minutes": "BIGINT", "indictable": "BOOLEAN", "basis": "VARCHAR", "continues": "BOOLEAN",
                "sits_at": "TIMESTAMPTZ", "reason": "VARCHAR",
                "type": "VARCHAR", "victim_based": "BOOLEAN",
                "role": "VARCHAR", "repeat": "BOOLEAN", "domestic_repeat": "BOOLEAN", "compliance": "VARCHAR",
                "skill": "VARCHAR", "state": "VARCHAR"
            }'
        )
    )
FROM read_csv(
    getvariable('facts_file'),
    delim = '\t', quote = '', escape = '', header = false, auto_detect = false,
    columns = {'topic': 'VARCHAR', 'happened': 'BIGINT', 'about': 'VARCHAR', 'canonical': 'VARCHAR', 'number': 'BIGINT'}
)
WHERE NOT getvariable('is_chosen') OR about IN (SELECT about FROM wanted);

DROP TABLE wanted;
