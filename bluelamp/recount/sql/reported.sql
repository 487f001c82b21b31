-- Section 1: the facts as they were reported.
-- `line` has one line for each fact that counts.

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
FROM line;
