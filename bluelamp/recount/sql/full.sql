-- Section 1: a subject has at most 5,000 facts, by their ids; facts with ids that arrived after those do not count.
CREATE TABLE beyond AS
WITH
long AS (
    SELECT force, topic, subject_id FROM reported GROUP BY ALL HAVING count(*) > getvariable('most_facts')
),
first_of AS (
    SELECT force, topic, subject_id, fact_id, min(number) AS number
    FROM reported
    JOIN long USING (force, topic, subject_id)
    GROUP BY ALL
)
SELECT force, topic, subject_id, fact_id
FROM first_of
QUALIFY row_number() OVER (PARTITION BY force, topic, subject_id ORDER BY number) > getvariable('most_facts');

DELETE FROM reported
USING beyond
WHERE
    reported.force = beyond.force AND reported.topic = beyond.topic
    AND reported.subject_id = beyond.subject_id AND reported.fact_id = beyond.fact_id;

DROP TABLE beyond;
