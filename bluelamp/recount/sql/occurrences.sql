-- Section 8: occurrences. Spans are in seconds (1,000,000 microseconds).

CREATE TABLE occurrence_beginning AS
SELECT
    subject,
    any_value(force) AS force,
    min(happened) FILTER (WHERE fact = 'OccurrenceRecorded') AS recorded,
    min(happened) FILTER (WHERE fact = 'VictimReferred') AS referred,
    coalesce(recorded, min(happened)) AS began
FROM effective
WHERE fact IN ('OccurrenceRecorded', 'PartyLinked', 'VictimReferred', 'VictimContractClosed')
GROUP BY subject;

CREATE TABLE occurrence AS
WITH
first_record AS (
    SELECT subject, word(force, 'type', type) AS type, word(force, 'area', area) AS area, victim_based, domestic
    FROM effective
    WHERE fact = 'OccurrenceRecorded'
    QUALIFY row_number() OVER (PARTITION BY subject ORDER BY place) = 1
)
SELECT
    beginning.*, first_record.* EXCLUDE (subject),
    -- The 48 hours apply only to victim-based occurrences whose referral does not contradict the recording.
    CASE
        WHEN victim_based AND (referred IS NULL OR referred >= recorded)
            THEN due_instant(recorded, 48 * 3600, true, 1000000)
    END AS due
FROM with_day('occurrence_beginning') AS beginning
JOIN first_record USING (subject);

-- Two working days apply to the same occurrences, where the force has bank holidays. This is a separate table because DuckDB 2.0.0
-- sometimes fails with an internal error when it is joined in the statement above.
CREATE TABLE occurrence_held AS
SELECT occurrence.subject, two_working_days.ended AS working_due
FROM occurrence
JOIN two_working_days ON two_working_days.force = occurrence.force AND two_working_days.day = occurrence.day
WHERE occurrence.due IS NOT NULL;

INSERT INTO occurrences_finished BY NAME
SELECT 'occurrence_incomplete' AS kind, subject, force, began AS decided, began, day, 0 AS value
FROM with_day('occurrence_beginning')
WHERE recorded IS NULL;

INSERT INTO occurrences_finished BY NAME
SELECT 'occurrence_recorded' AS kind, subject, force, recorded AS decided, began, day, type, area, 0 AS value
FROM occurrence;

-- Every link that counts is one party; two links of one occurrence are two parties.
CREATE TABLE link AS
SELECT subject, happened AS linked, role, yes_or_no("repeat") AS of_family, yes_or_no(domestic_repeat) AS of_domestic
FROM effective
WHERE fact = 'PartyLinked';

INSERT INTO occurrences_finished BY NAME
SELECT
    'party_linked' AS kind, subject, force, linked AS decided, began, day, type, area, yes_or_no(domestic) AS domestic, role,
    of_family AS "repeat", 0 AS value
FROM link
JOIN occurrence USING (subject);

INSERT INTO occurrences_finished BY NAME
SELECT
    'domestic_party_linked' AS kind, subject, force, linked AS decided, began, day, type, area, role, of_domestic AS "repeat",
    0 AS value
FROM link
JOIN occurrence USING (subject)
WHERE domestic;

-- A crime is closed once: the first closure that counts is used.
CREATE TABLE first_closing AS
SELECT subject, happened AS closed, compliance
FROM effective
WHERE fact = 'VictimContractClosed'
QUALIFY row_number() OVER (PARTITION BY subject ORDER BY place) = 1;

INSERT INTO occurrences_finished BY NAME
SELECT 'victim_contract_closed' AS kind, subject, force, closed AS decided, began, day, type, area, compliance, 0 AS value
FROM first_closing
JOIN occurrence USING (subject);

INSERT INTO occurrences_finished BY NAME
SELECT
    'recorded_to_referred' AS kind, subject, force, referred AS decided, began, day, type, area,
    rounded_span(recorded, referred, 1000000) AS value
FROM occurrence
WHERE referred >= recorded;

INSERT INTO occurrences_finished BY NAME
SELECT
    'occurrence_contradiction' AS kind, subject, force, referred AS decided, began, day,
    'recorded_to_referred_ends_before_it_starts' AS contradiction, 0 AS value
FROM occurrence
WHERE referred < recorded;

INSERT INTO occurrences_finished BY NAME
SELECT
    'recorded_to_referred_decided' AS kind, subject, force, decided_instant(referred, NULL, due) AS decided, began, day, type, area,
    is_met(referred, due) AS value
FROM occurrence
WHERE due IS NOT NULL AND referred IS NOT NULL;

INSERT INTO occurrences_open BY NAME
SELECT 'recorded_to_referred_decided' AS kind, subject, force, recorded AS since, began, day, due, type, area
FROM occurrence
WHERE due IS NOT NULL AND referred IS NULL;

INSERT INTO occurrences_finished BY NAME
SELECT
    'recorded_to_referred_within_2_working_days_decided' AS kind, subject, force,
    decided_instant(referred, NULL, working_due) AS decided, began, day, type, area, is_met(referred, working_due) AS value
FROM occurrence
JOIN occurrence_held USING (subject)
WHERE referred IS NOT NULL;

INSERT INTO occurrences_open BY NAME
SELECT
    'recorded_to_referred_within_2_working_days_decided' AS kind, subject, force, recorded AS since, began, day,
    working_due AS due, type, area
FROM occurrence
JOIN occurrence_held USING (subject)
WHERE referred IS NULL;

-- Section 12: referrals and closures that are not recorded or in doubt.
CREATE TABLE occurrence_doubt AS
SELECT subject, force, recorded AS decided, began, day, type, area, victim_based FROM occurrence WHERE referred < recorded
UNION ALL BY NAME
SELECT subject, force, began AS decided, began, day, 'none' AS type, 'none' AS area, true AS victim_based
FROM with_day('occurrence_beginning')
WHERE recorded IS NULL;

INSERT INTO occurrences_finished BY NAME
SELECT
    'recorded_to_referred_unrecorded' AS kind, subject, force, decided, began, day, type, area,
    CASE WHEN victim_based THEN 2 ELSE 3 END AS value
FROM occurrence_doubt;

INSERT INTO occurrences_finished BY NAME
SELECT
    'recorded_to_referred_within_2_working_days_unrecorded' AS kind, subject, occurrence_doubt.force, decided, began, day,
    type, area, 2 AS value
FROM occurrence_doubt
JOIN force ON force.force = occurrence_doubt.force
WHERE victim_based AND bank_holidays IS NOT NULL;

INSERT INTO occurrences_finished BY NAME
SELECT
    'victim_contract_unrecorded' AS kind, subject, force, began AS decided, began, day, 'none' AS type, 'none' AS area, 2 AS value
FROM with_day('occurrence_beginning')
SEMI JOIN first_closing USING (subject)
WHERE recorded IS NULL;

DROP TABLE occurrence_doubt;
DROP TABLE occurrence_beginning;
DROP TABLE occurrence;
DROP TABLE link;
DROP TABLE first_closing;
DROP TABLE occurrence_held;
DROP TABLE two_working_days;
