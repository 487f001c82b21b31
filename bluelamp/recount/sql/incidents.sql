-- Section 6: incidents. Spans are in seconds (1,000,000 microseconds).

CREATE TABLE incident_fact AS
SELECT subject, force, place, fact, happened, grade, "group", area, category, domestic, unit, result
FROM effective
WHERE fact IN (
    'IncidentOpened', 'IncidentRegraded', 'IncidentReclassified', 'UnitDispatched', 'UnitArrived', 'UnitStoodDown',
    'VideoResponseStarted', 'IncidentClosed', 'IncidentReopened'
);

CREATE TABLE incident_beginning AS
SELECT
    subject,
    any_value(force) AS force,
    min(happened) FILTER (WHERE fact = 'IncidentOpened') AS opened,
    count(*) FILTER (WHERE fact = 'IncidentOpened') AS openings,
    coalesce(opened, min(happened)) AS began
FROM incident_fact
GROUP BY subject;

CREATE TABLE incident_opening AS
SELECT * FROM incident_fact
WHERE fact = 'IncidentOpened'
QUALIFY row_number() OVER (PARTITION BY subject ORDER BY place) = 1;

-- The grades in order: the opening grade, then each regrade, with the grade before it and the urgency of both.
CREATE TABLE incident_grade AS
WITH
given AS (
    SELECT subject, force, 0 AS step, happened, grade FROM incident_opening
    UNION ALL
    SELECT incident_fact.subject, incident_fact.force, place AS step, happened, incident_fact.grade
    FROM incident_fact
    SEMI JOIN incident_opening USING (subject)
    WHERE fact = 'IncidentRegraded'
),
worded AS (
    SELECT * REPLACE (word(force, 'grade', grade) AS grade) FROM given
),
followed AS (
    SELECT *, lag(grade) OVER (PARTITION BY subject ORDER BY step) AS from_grade FROM worded
)
SELECT followed.*, listed_grade.urgency, listed_before.urgency AS from_urgency
FROM followed
LEFT JOIN grade AS listed_grade ON listed_grade.force = followed.force AND listed_grade.grade = followed.grade
LEFT JOIN grade AS listed_before ON listed_before.force = followed.force AND listed_before.grade = followed.from_grade;

-- The number of assigned units after each change. A unit is assigned from its dispatch or arrival until it stands down.
CREATE TABLE incident_assignment AS
WITH
unit_state AS (
    SELECT subject, unit, place, happened, CASE fact WHEN 'UnitStoodDown' THEN 0 ELSE 1 END AS assigned
    FROM incident_fact
    WHERE fact IN ('UnitDispatched', 'UnitArrived', 'UnitStoodDown')
),
unit_change AS (
    SELECT
        subject, place, happened,
        assigned - lag(assigned, 1, 0) OVER (PARTITION BY subject, unit ORDER BY place) AS change
    FROM unit_state
),
running AS (
    SELECT subject, place, happened, change, sum(change) OVER (PARTITION BY subject ORDER BY place) AS units
    FROM unit_change
)
SELECT
    subject,
    arg_max(units, place) AS units,
    max(happened) FILTER (WHERE change = -1 AND units = 0) AS left_with_none
FROM running
GROUP BY subject;

-- The first end by hand after everything that the source recorded. A later fact cancels those before it.
CREATE TABLE incident_by_hand AS
SELECT subject, min(happened) AS ended_by_hand, arg_min(reason, place) AS reason
FROM by_hand
JOIN (SELECT subject, max(place) AS latest_place FROM incident_fact GROUP BY subject) AS recorded USING (subject)
WHERE place > latest_place
GROUP BY subject;

-- One row for each opened incident, with everything that its outcomes need.
CREATE TABLE incident AS
WITH
moments AS MATERIALIZED (
    SELECT
        subject,
        max(happened) AS latest,
        min(happened) FILTER (WHERE fact = 'UnitDispatched') AS dispatched,
        min(happened) FILTER (WHERE fact = 'UnitArrived') AS arrived,
        min(happened) FILTER (WHERE fact = 'VideoResponseStarted') AS video,
        max(place) FILTER (WHERE fact = 'IncidentClosed') AS closed_place,
        max(happened) FILTER (WHERE fact = 'IncidentClosed') AS closed,
        arg_max(result, place) FILTER (WHERE fact = 'IncidentClosed') AS result,
        max(place) FILTER (WHERE fact = 'IncidentReopened') AS reopened_place,
        -- The last fact that sets each value. A missing value leaves the earlier one in place, and arg_max skips it.
        arg_max("group", place) FILTER (WHERE fact = 'IncidentReclassified') AS new_group,
        arg_max(category, place) FILTER (WHERE fact = 'IncidentReclassified') AS new_category,
        arg_max(domestic, place) FILTER (WHERE fact = 'IncidentReclassified') AS new_domestic
    FROM incident_fact
    GROUP BY subject
),
-- A closure does not count if the incident was reopened afterwards.
last_closure AS (
    SELECT
        subject,
        CASE WHEN reopened_place IS NULL OR closed_place > reopened_place THEN closed END AS closed,
        CASE WHEN reopened_place IS NULL OR closed_place > reopened_place THEN result END AS result
    FROM moments
),
final_grade AS (
    SELECT
        subject,
        arg_max(grade, step) AS grade,
        arg_max(happened, step) FILTER (WHERE urgency < from_urgency) AS upgraded
    FROM incident_grade
    GROUP BY subject
)
SELECT
    opening.subject,
    opening.force,
    beginning.began,
    beginning.day,
    beginning.opened,
    beginning.openings,
    final_grade.grade,
    CASE
        WHEN closure.result IN ('duplicate', 'out_of_force') AND force.duplicate_group IS NOT NULL
            THEN force.duplicate_group
        ELSE word(opening.force, 'group', coalesce(moments.new_group, opening."group"))
    END AS "group",
    word(opening.force, 'area', opening.area) AS area,
    yes_or_no(coalesce(moments.new_domestic, opening.domestic)) AS domestic,
    word(opening.force, 'category', coalesce(moments.new_category, opening.category)) AS category,
    moments.dispatched,
    moments.arrived,
    moments.video,
    least(moments.arrived, moments.video) AS attended,
    closure.closed,
    closure.result,
    coalesce(final_grade.upgraded, beginning.opened) AS graded,
    -- The time since which no unit is assigned; NULL while one is.
    CASE
        WHEN coalesce(assignment.units, 0) = 0 THEN coalesce(assignment.left_with_none, beginning.opened)
    END AS unresourced,
    hand.ended_by_hand,
    hand.reason,
    moments.latest + 1000000 * coalesce(listed_grade.attendance_unrecorded_seconds, 90 * 24 * 3600) AS attendance_too_old,
    moments.latest + 1000000 * coalesce(listed_grade.closure_unrecorded_seconds, 90 * 24 * 3600) AS closure_too_old,
    least(attendance_too_old, hand.ended_by_hand) AS attendance_unrecorded,
    least(closure_too_old, hand.ended_by_hand) AS closure_unrecorded
FROM incident_opening AS opening
JOIN with_day('incident_beginning') AS beginning USING (subject)
JOIN moments USING (subject)
JOIN last_closure AS closure USING (subject)
JOIN final_grade USING (subject)
JOIN force ON force.force = opening.force
LEFT JOIN incident_assignment AS assignment USING (subject)
LEFT JOIN incident_by_hand AS hand USING (subject)
LEFT JOIN grade AS listed_grade ON listed_grade.force = opening.force AND listed_grade.grade = final_grade.grade;

INSERT INTO incidents_finished BY NAME
SELECT 'incident_incomplete' AS kind, subject, force, began AS decided, began, day, 0 AS value
FROM with_day('incident_beginning')
WHERE opened IS NULL;

INSERT INTO incidents_finished BY NAME
SELECT
    'incident_contradiction' AS kind, subject, force, opened AS decided, began, day, 'opened_twice' AS contradiction, 0 AS value
FROM incident
WHERE openings > 1;

-- Demand.
INSERT INTO incidents_finished BY NAME
SELECT 'incident_opened' AS kind, opened AS decided, 0 AS value, subject, force, began, day, grade, "group", area, domestic, category
FROM incident;

INSERT INTO incidents_finished BY NAME
SELECT
    'incident_resourced' AS kind, dispatched AS decided, 0 AS value,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident
WHERE dispatched IS NOT NULL;

INSERT INTO incidents_finished BY NAME
SELECT
    'video_response_started' AS kind, video AS decided, 0 AS value,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident
WHERE video IS NOT NULL;

INSERT INTO incidents_finished BY NAME
SELECT
    'incident_closed' AS kind, closed AS decided, 0 AS value,
    subject, force, began, day, grade, "group", area, domestic, category, result
FROM incident
WHERE closed IS NOT NULL;

INSERT INTO incidents_open BY NAME
SELECT
    'incident_open' AS kind, opened AS since, closure_unrecorded AS unrecorded_from,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident
WHERE closed IS NULL;

-- Ends that count as unrecorded from a time on, unless a person has ended the incident.
INSERT INTO incidents_open BY NAME
SELECT
    'incident_unrecorded' AS kind, closure_too_old AS since, 'closure' AS "end",
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident
WHERE closed IS NULL AND ended_by_hand IS NULL
UNION ALL
SELECT
    'incident_unrecorded' AS kind, attendance_too_old AS since, 'attendance' AS "end",
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident
WHERE closed IS NULL AND ended_by_hand IS NULL AND attended IS NULL;

INSERT INTO incidents_finished BY NAME
SELECT
    'incident_ended_by_hand' AS kind, ended_by_hand AS decided, 0 AS value,
    subject, force, began, day, grade, "group", area, domestic, category, reason
FROM incident
WHERE closed IS NULL AND ended_by_hand IS NOT NULL;

INSERT INTO incidents_finished BY NAME
SELECT
    'incident_regraded' AS kind, regrade.happened AS decided, 0 AS value,
    incident.subject, incident.force, began, day, regrade.grade, "group", area, domestic, category, regrade.from_grade
FROM incident_grade AS regrade
JOIN incident USING (subject)
WHERE regrade.step > 0 AND regrade.grade <> regrade.from_grade;

-- Regraded before anybody attended, to a less urgent grade, with four fifths or more of the earlier target used up.
INSERT INTO incidents_finished BY NAME
WITH
downgrade AS (
    SELECT
        incident.*, regrade.grade AS grade_given, regrade.from_grade, regrade.happened AS regraded,
        (
            SELECT arg_max(coalesce(opened_to_arrived_seconds, -1), since)
            FROM grade_target
            WHERE grade_target.force = incident.force AND grade_target.grade = regrade.from_grade
                AND grade_target.since <= incident.day
        ) AS promised_seconds
    FROM incident_grade AS regrade
    JOIN incident USING (subject)
    WHERE regrade.step > 0 AND regrade.urgency > regrade.from_urgency
)
SELECT
    'incident_downgraded_near_breach' AS kind, regraded AS decided, 0 AS value,
    subject, force, began, day, grade_given AS grade, "group", area, domestic, category, from_grade
FROM downgrade
WHERE promised_seconds >= 0
    AND (attended IS NULL OR attended > regraded)
    AND 5 * (regraded - opened) >= 4 * promised_seconds * 1000000;

-- Attendance: an incident that needs none has only this outcome, and none of those below.
CREATE MACRO needs_no_attendance(result, attended) AS
    coalesce(result, '') IN ('duplicate', 'out_of_force')
    OR (coalesce(result, '') IN ('telephone_resolved', 'cancelled') AND attended IS NULL);

INSERT INTO incidents_finished BY NAME
SELECT
    'attendance_not_required' AS kind, closed AS decided, 0 AS value,
    subject, force, began, day, grade, "group", area, domestic, category, result
FROM incident
WHERE needs_no_attendance(result, attended);

-- From here on: only incidents that need attendance, with the targets of their grade on the local day of opening.
CREATE TABLE incident_needing AS
WITH
-- The targets that apply are the latest ones that began on that day or before.
target AS (
    SELECT incident.subject, grade_target.* EXCLUDE (force, grade, since)
    FROM incident
    ASOF JOIN grade_target
        ON grade_target.force = incident.force
        AND grade_target.grade = incident.grade
        AND incident.day >= grade_target.since
)
SELECT incident.*, target.* EXCLUDE (subject)
FROM incident
LEFT JOIN target USING (subject)
WHERE NOT needs_no_attendance(result, attended);

INSERT INTO incidents_finished BY NAME
SELECT
    'attendance_settled' AS kind,
    coalesce(attended, closed) AS decided,
    CASE WHEN attended IS NOT NULL THEN 1 ELSE 0 END AS value,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_needing
WHERE coalesce(attended, closed) IS NOT NULL;

INSERT INTO incidents_finished BY NAME
SELECT
    'arrival_unrecorded' AS kind, closed AS decided, 0 AS value,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_needing
WHERE result = 'attended' AND arrived IS NULL;

INSERT INTO incidents_finished BY NAME
SELECT
    'dispatch_unrecorded' AS kind, arrived AS decided, 0 AS value,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_needing
WHERE arrived IS NOT NULL AND dispatched IS NULL;

INSERT INTO incidents_open BY NAME
SELECT
    'incident_unattended' AS kind, opened AS since, attendance_unrecorded AS unrecorded_from,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_needing
WHERE closed IS NULL AND attended IS NULL;

INSERT INTO incidents_open BY NAME
SELECT
    'incident_unresourced' AS kind, unresourced AS since, attendance_unrecorded AS unrecorded_from,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_needing
WHERE closed IS NULL AND attended IS NULL AND unresourced IS NOT NULL;

-- Every clock of section 6 with its conditions. An incident that does not meet them does not have the clock.
CREATE TABLE incident_clock AS
SELECT 'opened_to_dispatched' AS kind, opened AS started, dispatched AS ended,
    opened_to_dispatched_seconds AS target_seconds, *
FROM incident_needing
WHERE NOT (arrived IS NOT NULL AND dispatched IS NULL)
UNION ALL BY NAME
-- Only decided: its span is the same as opened_to_dispatched.
SELECT 'opened_to_dispatched_within_24_hours' AS kind, opened AS started, dispatched AS ended,
    24 * 3600 AS target_seconds, *
FROM incident_needing
WHERE NOT (arrived IS NOT NULL AND dispatched IS NULL)
UNION ALL BY NAME
SELECT 'dispatched_to_arrived' AS kind, dispatched AS started, arrived AS ended,
    dispatched_to_arrived_seconds AS target_seconds, *
FROM incident_needing
WHERE dispatched IS NOT NULL
UNION ALL BY NAME
SELECT 'opened_to_arrived' AS kind, opened AS started, arrived AS ended,
    opened_to_arrived_seconds AS target_seconds, *
FROM incident_needing
UNION ALL BY NAME
SELECT 'opened_to_attended' AS kind, opened AS started, attended AS ended,
    opened_to_arrived_seconds AS target_seconds, *
FROM incident_needing
WHERE arrived IS NULL OR arrived >= opened
UNION ALL BY NAME
SELECT 'graded_to_arrived' AS kind, graded AS started, arrived AS ended,
    opened_to_arrived_seconds AS target_seconds, *
FROM incident_needing
WHERE arrived IS NULL OR arrived >= graded;

INSERT INTO incidents_finished BY NAME
SELECT
    kind, ended AS decided, rounded_span(started, ended, 1000000) AS value,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_clock
WHERE ended >= started AND kind <> 'opened_to_dispatched_within_24_hours';

INSERT INTO incidents_finished BY NAME
SELECT
    'incident_contradiction' AS kind, ended AS decided, kind || '_ends_before_it_starts' AS contradiction,
    0 AS value, subject, force, began, day
FROM incident_clock
WHERE ended < started AND kind <> 'opened_to_dispatched_within_24_hours';

-- Clocks with a target and without a contradiction are decided; an unmet target is given up at the closure.
CREATE TABLE incident_decided AS
SELECT * REPLACE (kind || '_decided' AS kind), due_instant(started, target_seconds, true, 1000000) AS due
FROM incident_clock
WHERE target_seconds IS NOT NULL AND (ended IS NULL OR ended >= started);

INSERT INTO incidents_finished BY NAME
SELECT
    kind, decided_instant(ended, closed, due) AS decided, is_met(ended, due) AS value,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_decided
WHERE ended IS NOT NULL OR closed IS NOT NULL;

INSERT INTO incidents_open BY NAME
SELECT
    kind, started AS since, due,
    CASE WHEN attended IS NULL THEN attendance_unrecorded ELSE closure_unrecorded END AS unrecorded_from,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_decided
WHERE ended IS NULL AND closed IS NULL;

-- Section 12: the clocks whose times are not recorded or in doubt, with the target of the grade.
CREATE TABLE incident_doubt AS
WITH
attended AS (SELECT *, coalesce(result, '') = 'attended' AS is_attended FROM incident_needing),
clock AS (
    SELECT 'opened_to_dispatched' AS clock, 'opened_to_dispatched_decided' AS decided_kind,
        opened AS limit_start, dispatched AS ended, opened_to_dispatched_seconds AS target_seconds,
        dispatched IS NULL AND (arrived IS NOT NULL OR is_attended) AS is_missing, *
    FROM attended
    UNION ALL BY NAME
    SELECT 'opened_to_dispatched_within_24_hours' AS clock, 'opened_to_dispatched_within_24_hours_decided' AS decided_kind,
        opened AS limit_start, dispatched AS ended, 86400 AS target_seconds,
        dispatched IS NULL AND (arrived IS NOT NULL OR is_attended) AS is_missing, *
    FROM attended
    UNION ALL BY NAME
    SELECT 'dispatched_to_arrived' AS clock, 'dispatched_to_arrived_decided' AS decided_kind,
        dispatched AS limit_start, arrived AS ended, dispatched_to_arrived_seconds AS target_seconds,
        (arrived IS NOT NULL OR is_attended) AND (dispatched IS NULL OR arrived IS NULL) AS is_missing, *
    FROM attended
    UNION ALL BY NAME
    SELECT 'opened_to_arrived' AS clock, 'opened_to_arrived_decided' AS decided_kind,
        opened AS limit_start, arrived AS ended, opened_to_arrived_seconds AS target_seconds,
        is_attended AND arrived IS NULL AS is_missing, *
    FROM attended
    UNION ALL BY NAME
    SELECT 'opened_to_attended' AS clock, 'opened_to_attended_decided' AS decided_kind,
        opened AS limit_start, attended AS ended, opened_to_arrived_seconds AS target_seconds,
        is_attended AND attended IS NULL AS is_missing, *
    FROM attended
    UNION ALL BY NAME
    -- A unit may arrive before an upgrade, so only an arrival before the opening is in doubt.
    SELECT 'graded_to_arrived' AS clock, 'graded_to_arrived_decided' AS decided_kind,
        opened AS limit_start, arrived AS ended, opened_to_arrived_seconds AS target_seconds,
        is_attended AND arrived IS NULL AS is_missing, *
    FROM attended
)
SELECT *
FROM clock
WHERE is_missing
    OR (openings > 1 AND (ended IS NOT NULL OR closed IS NOT NULL))
    OR ended < limit_start;

INSERT INTO incidents_finished BY NAME
SELECT
    clock || '_unrecorded' AS kind,
    coalesce(counted.decided, opened) AS decided,
    coalesce(counted.value, CASE WHEN target_seconds IS NULL THEN 3 ELSE 2 END) AS value,
    doubt.subject, doubt.force, doubt.began, doubt.day, doubt.grade, doubt."group", doubt.area, doubt.domestic, doubt.category
FROM incident_doubt AS doubt
LEFT JOIN incidents_finished AS counted ON counted.subject = doubt.subject AND counted.kind = doubt.decided_kind;

INSERT INTO incidents_finished BY NAME
SELECT
    'attendance_unrecorded' AS kind,
    coalesce(attended, closed) AS decided,
    CASE WHEN attended IS NULL THEN 0 ELSE 1 END AS value,
    subject, force, began, day, grade, "group", area, domestic, category
FROM incident_needing
WHERE coalesce(attended, closed) IS NOT NULL AND (openings > 1 OR (result = 'attended' AND attended IS NULL));

-- An incident without an opening: of its labels, only the grade of a regrade is known.
INSERT INTO incidents_finished BY NAME
WITH
regrade AS (
    SELECT subject, arg_max(grade, place) AS grade FROM incident_fact WHERE fact = 'IncidentRegraded' GROUP BY subject
)
SELECT
    unrecorded.clock || '_unrecorded' AS kind, beginning.began AS decided, 2 AS value,
    beginning.subject, beginning.force, beginning.began, beginning.day,
    word(beginning.force, 'grade', regrade.grade) AS grade,
    'none' AS "group", 'none' AS area, 'none' AS domestic, 'none' AS category
FROM with_day('incident_beginning') AS beginning
LEFT JOIN regrade USING (subject)
CROSS JOIN (
    VALUES ('opened_to_dispatched'), ('opened_to_dispatched_within_24_hours'), ('dispatched_to_arrived'),
        ('opened_to_arrived'), ('opened_to_attended'), ('graded_to_arrived'), ('attendance')
) AS unrecorded (clock)
WHERE beginning.opened IS NULL;

DROP TABLE incident_doubt;
DROP TABLE incident_fact;
DROP TABLE incident_beginning;
DROP TABLE incident_opening;
DROP TABLE incident_grade;
DROP TABLE incident_assignment;
DROP TABLE incident_by_hand;
DROP TABLE incident;
DROP TABLE incident_needing;
DROP TABLE incident_clock;
DROP TABLE incident_decided;
