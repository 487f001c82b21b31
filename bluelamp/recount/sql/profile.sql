-- The forces' profiles as tables, and the rules of sections 2 and 3 that every topic uses as macros.
-- All times are whole microseconds since 1970 in UTC.

CREATE TABLE force (force VARCHAR, time_zone VARCHAR, duplicate_group VARCHAR, bank_holidays VARCHAR);

-- Every label in a profile, as "force/dimension/label". Labels contain no slash.
CREATE TABLE listed (entry VARCHAR);

-- Urgency 0 is the most urgent.
CREATE TABLE grade (
    force VARCHAR,
    grade VARCHAR,
    urgency INTEGER,
    response VARCHAR,
    attendance_unrecorded_seconds BIGINT,
    closure_unrecorded_seconds BIGINT
);

CREATE TABLE grade_target (
    force VARCHAR,
    grade VARCHAR,
    since DATE,
    opened_to_dispatched_seconds BIGINT,
    dispatched_to_arrived_seconds BIGINT,
    opened_to_arrived_seconds BIGINT
);

CREATE TABLE queue (
    force VARCHAR, queue VARCHAR, line VARCHAR, short_abandon_seconds BIGINT, end_unrecorded_seconds BIGINT,
    declined_reported BOOLEAN
);

CREATE TABLE queue_target (force VARCHAR, queue VARCHAR, since DATE, seconds BIGINT, is_inclusive BOOLEAN);

CREATE TABLE channel (force VARCHAR, channel VARCHAR, online_home VARCHAR);

CREATE TABLE occurrence_type (force VARCHAR, type VARCHAR, family VARCHAR);

-- The time at which each local day begins.
CREATE TABLE local_day (time_zone VARCHAR, day DATE, begins BIGINT);

-- Section 2: the label under which a label counts: itself, `unlisted` or `none`.
CREATE MACRO word(of_force, of_dimension, label) AS
    CASE
        WHEN label IS NULL THEN 'none'
        WHEN of_force || '/' || of_dimension || '/' || label IN (SELECT entry FROM listed) THEN label
        ELSE 'unlisted'
    END;

CREATE MACRO yes_or_no(flag) AS CASE WHEN flag THEN 'yes' ELSE 'no' END;

-- Section 3: a span in whole units, rounded half up. It must not end before it starts.
CREATE MACRO rounded_span(started, ended, unit_microseconds) AS
    (ended - started + unit_microseconds // 2) // unit_microseconds;

-- Section 3: the first time at which a rounded span can no longer meet its target.
CREATE MACRO due_instant(started, target_seconds, is_inclusive, unit_microseconds) AS
    started + target_seconds::BIGINT * 1000000
    + CASE WHEN is_inclusive THEN unit_microseconds // 2 ELSE -(unit_microseconds // 2) END;

-- Section 3: a target is met when the span ended before it fell due.
CREATE MACRO is_met(ended, due) AS CASE WHEN ended < due THEN 1 ELSE 0 END;

-- Section 3: a met target is decided at the end of the span; otherwise when it fell due, or when it was given up earlier.
-- Only for spans that have ended or were given up; the others are open items.
CREATE MACRO decided_instant(ended, given_up, due) AS
    CASE WHEN ended IS NOT NULL THEN least(ended, due) ELSE least(given_up, due) END;

-- Section 4: the local day on which each subject of a table began; the table has `force` and `began`.
CREATE MACRO with_day(relation) AS TABLE
    SELECT subject.*, local_day.day
    FROM query_table(relation) AS subject
    JOIN force ON force.force = subject.force
    ASOF JOIN local_day ON local_day.time_zone = force.time_zone AND subject.began >= local_day.begins;
