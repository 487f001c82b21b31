-- Section 7: custody. Spans are in seconds (1,000,000 microseconds).

-- The first arrival and the first voluntary attendance of each subject, with their words.
CREATE TABLE custody_opening AS
SELECT
    subject, force, fact, happened,
    word(force, 'suite', suite) AS suite,
    yes_or_no(child) AS child,
    epoch_us(relevant_time) AS relevant_time
FROM effective
WHERE fact IN ('DetaineeArrived', 'VoluntaryAttended')
QUALIFY row_number() OVER (PARTITION BY subject, fact ORDER BY place) = 1;

-- A subject began with its arrival; without one, with its voluntary attendance; without either, with its earliest fact.
CREATE TABLE custody_beginning AS
SELECT
    subject,
    any_value(force) AS force,
    min(happened) FILTER (WHERE fact = 'DetaineeArrived') AS arrived,
    min(happened) FILTER (WHERE fact = 'VoluntaryAttended') AS volunteered,
    min(happened) FILTER (WHERE fact = 'DetentionAuthorised') AS authorised,
    min(happened) FILTER (WHERE fact = 'DetentionEnded') AS ended,
    arg_min(disposal, place) FILTER (WHERE fact = 'DetentionEnded') AS disposal,
    min(happened) FILTER (WHERE fact <> 'VoluntaryAttended') AS first_of_detention,
    coalesce(arrived, volunteered, min(happened)) AS began
FROM effective
WHERE fact IN (
    'DetaineeArrived', 'DetentionAuthorised', 'ReviewHeld', 'ReviewPostponed', 'ExtensionAuthorised', 'WarrantIssued',
    'ClockPaused', 'ClockResumed', 'DetentionEnded', 'VoluntaryAttended'
)
GROUP BY subject;

CREATE TABLE detention AS
SELECT beginning.*, arrival.suite, arrival.child, arrival.relevant_time
FROM with_day('custody_beginning') AS beginning
JOIN custody_opening AS arrival ON arrival.subject = beginning.subject AND arrival.fact = 'DetaineeArrived';

-- Both tables have a column for every dimension of the topic's kinds.
CREATE TABLE custody_finished (
    subject BIGINT, kind VARCHAR, force VARCHAR, decided BIGINT, began BIGINT, day DATE,
    suite VARCHAR, child VARCHAR, disposal VARCHAR, contradiction VARCHAR, value BIGINT
);

CREATE TABLE custody_open (
    subject BIGINT, kind VARCHAR, force VARCHAR, since BIGINT, began BIGINT, day DATE, due BIGINT,
    suite VARCHAR, child VARCHAR, disposal VARCHAR, contradiction VARCHAR
);

INSERT INTO custody_finished BY NAME
SELECT 'detention_incomplete' AS kind, subject, force, first_of_detention AS decided, began, day, 0 AS value
FROM with_day('custody_beginning')
WHERE arrived IS NULL AND first_of_detention IS NOT NULL;

INSERT INTO custody_finished BY NAME
SELECT
    'voluntary_attended' AS kind, beginning.subject, beginning.force, volunteered AS decided, began, day, attendance.suite, attendance.child,
    0 AS value
FROM with_day('custody_beginning') AS beginning
JOIN custody_opening AS attendance
    ON attendance.subject = beginning.subject AND attendance.fact = 'VoluntaryAttended';

INSERT INTO custody_finished BY NAME
SELECT 'detainee_arrived' AS kind, subject, force, arrived AS decided, began, day, suite, child, 0 AS value
FROM detention;

INSERT INTO custody_finished BY NAME
SELECT 'detention_ended' AS kind, subject, force, ended AS decided, began, day, suite, child, disposal, 0 AS value
FROM detention
WHERE ended IS NOT NULL;

-- The two spans of a detention; either may still have no end.
CREATE TABLE detention_span AS
SELECT 'arrived_to_authorised' AS kind, authorised AS span_ended, * FROM detention
UNION ALL BY NAME
SELECT 'arrived_to_ended' AS kind, ended AS span_ended, * FROM detention;

INSERT INTO custody_finished BY NAME
SELECT
    kind, subject, force, span_ended AS decided, began, day, suite, child,
    rounded_span(arrived, span_ended, 1000000) AS value
FROM detention_span
WHERE span_ended >= arrived;

INSERT INTO custody_finished BY NAME
SELECT
    'detention_contradiction' AS kind, subject, force, span_ended AS decided, began, day,
    kind || '_ends_before_it_starts' AS contradiction, 0 AS value
FROM detention_span
WHERE span_ended < arrived;

-- Section 12: what is not recorded of a detention.
INSERT INTO custody_finished BY NAME
SELECT kind || '_unrecorded' AS kind, subject, force, arrived AS decided, began, day, suite, child, 2 AS value
FROM detention_span
WHERE span_ended < arrived;

INSERT INTO custody_finished BY NAME
SELECT
    unrecorded.kind, subject, force, first_of_detention AS decided, began, day, 'none' AS suite, 'none' AS child, 2 AS value
FROM with_day('custody_beginning')
CROSS JOIN (
    VALUES ('arrived_to_authorised_unrecorded'), ('arrived_to_ended_unrecorded'), ('disposal_unrecorded')
) AS unrecorded (kind)
WHERE arrived IS NULL AND first_of_detention IS NOT NULL;

INSERT INTO custody_open BY NAME
SELECT 'in_custody' AS kind, subject, force, arrived AS since, began, day, suite, child
FROM detention
WHERE ended IS NULL;

INSERT INTO custody_open BY NAME
SELECT 'awaiting_authorisation' AS kind, subject, force, arrived AS since, began, day, suite, child
FROM detention
WHERE ended IS NULL AND authorised IS NULL;

DROP TABLE custody_opening;
DROP TABLE custody_beginning;
DROP TABLE detention_span;
