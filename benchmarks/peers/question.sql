-- The question of question.py to DuckDB: $path names the facts as lines of JSON, $end is the moment.
WITH fact AS (
    SELECT * FROM read_json(
        $path,
        columns = {fact: 'VARCHAR', subject_id: 'VARCHAR', "at": 'TIMESTAMPTZ', line: 'VARCHAR', grade: 'VARCHAR', area: 'VARCHAR'}
    )
),
subject AS (
    SELECT
        subject_id,
        min("at") FILTER (fact IN ('ContactOffered', 'IncidentOpened')) AS opened,
        min("at") FILTER (fact IN ('ContactAnswered', 'UnitArrived')) AS ended,
        any_value(line) AS line,
        arg_max(grade, "at") FILTER (grade IS NOT NULL) AS grade,
        coalesce(any_value(area), 'none') AS area
    FROM fact GROUP BY subject_id
),
span AS (
    SELECT
        CASE WHEN line = '999' THEN '999' ELSE area END AS key,
        CASE WHEN line = '999' THEN floor(epoch(ended - opened) * 10 + 0.5) / 10 ELSE floor(epoch(ended - opened) + 0.5) END AS seconds
    FROM subject
    WHERE (line = '999' OR grade = '1') AND ended >= $end - INTERVAL 1 HOUR AND ended < $end
)
SELECT key, count(*), median(seconds), avg((seconds <= CASE WHEN key = '999' THEN 10 ELSE 900 END)::INTEGER)
FROM span GROUP BY key ORDER BY key
