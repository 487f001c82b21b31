-- Section 7: the clocks of detentions that have not ended. A clock shows the elapsed time without pauses.

CREATE TABLE custody_clock AS
SELECT subject, 'review' AS clock, authorised AS started FROM detention WHERE ended IS NULL AND authorised IS NOT NULL
UNION ALL
SELECT subject, 'limit' AS clock, relevant_time AS started FROM detention WHERE ended IS NULL;

-- The pauses: from a fact that paused a running clock to the next fact that changed the clock.
CREATE TABLE custody_pause AS
WITH
switch AS (
    SELECT subject, place, happened, fact, lag(fact, 1, 'ClockResumed') OVER (PARTITION BY subject ORDER BY place) AS before
    FROM effective
    WHERE fact IN ('ClockPaused', 'ClockResumed')
),
change AS (
    SELECT subject, fact, place, happened, lead(happened) OVER (PARTITION BY subject ORDER BY place) AS next_change
    FROM switch
    WHERE fact <> before
)
SELECT subject, place, happened AS begins, next_change AS stops
FROM change
WHERE fact = 'ClockPaused';

-- The stretches in which each clock runs, with its time at the beginning of each; the last may have no end.
CREATE TABLE custody_stretch AS
WITH
gap AS (
    SELECT clock.subject, clock.clock, clock.started, pause.place, pause.begins, pause.stops
    FROM custody_clock AS clock
    JOIN custody_pause AS pause USING (subject)
),
stretch AS (
    SELECT subject, clock, started, place, lag(stops, 1, started) OVER one AS begins, begins AS ends FROM gap
    WINDOW one AS (PARTITION BY subject, clock ORDER BY place)
    UNION ALL
    -- After the last pause; without a pause, from the start.
    SELECT subject, clock, any_value(started), max(place) + 1, arg_max(coalesce(stops, -1), place), NULL FROM gap
    GROUP BY subject, clock
    HAVING arg_max(coalesce(stops, -1), place) >= 0
    UNION ALL
    SELECT subject, clock, started, 0, started, NULL FROM custody_clock
    WHERE subject NOT IN (SELECT subject FROM custody_pause)
),
clipped AS (
    SELECT subject, clock, place, greatest(begins, started) AS begins, ends FROM stretch
    WHERE ends IS NULL OR ends > greatest(begins, started)
)
SELECT
    subject, clock, begins, ends,
    coalesce(sum(ends - begins) OVER (
        PARTITION BY subject, clock ORDER BY begins ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0)::BIGINT AS shown
FROM clipped;

-- The time on each clock at each relevant fact, numbered in order.
CREATE TABLE custody_moment AS
WITH
listed_fact AS (
    SELECT
        clock.subject, clock.clock, clock.started, fact.place, fact.fact, fact.happened,
        epoch_us(fact.until) - fact.happened AS until_later, fact.hours
    FROM custody_clock AS clock
    JOIN effective AS fact USING (subject)
    WHERE (clock.clock = 'review' AND fact.fact IN ('ReviewHeld', 'ReviewPostponed') AND fact.happened >= clock.started)
        OR (clock.clock = 'limit' AND fact.fact IN ('ExtensionAuthorised', 'WarrantIssued'))
),
run AS (
    SELECT listed_fact.subject, listed_fact.clock, listed_fact.place, sum(least(listed_fact.happened, stretch.ends) - stretch.begins) AS ran
    FROM listed_fact
    JOIN custody_stretch AS stretch
        ON stretch.subject = listed_fact.subject AND stretch.clock = listed_fact.clock AND stretch.begins < listed_fact.happened
    GROUP BY ALL
)
SELECT
    listed_fact.* EXCLUDE (started),
    CASE WHEN listed_fact.happened < listed_fact.started THEN listed_fact.happened - listed_fact.started ELSE coalesce(run.ran, 0) END::BIGINT AS shows,
    row_number() OVER (PARTITION BY listed_fact.subject, listed_fact.clock ORDER BY listed_fact.place) AS step
FROM listed_fact
LEFT JOIN run USING (subject, clock, place);

-- The number of reviews held before an extension was authorised.
CREATE TABLE custody_extension AS
SELECT extension.subject, extension.place, count(review.place) AS reviews
FROM custody_moment AS extension
LEFT JOIN custody_moment AS review
    ON review.subject = extension.subject AND review.fact = 'ReviewHeld' AND review.happened <= extension.happened
WHERE extension.fact = 'ExtensionAuthorised'
GROUP BY ALL;

CREATE MACRO clock_hours(count) AS count::BIGINT * 3600000000;

-- When the next review is due: after six hours, then every nine. A review that was postponed and held late counts as on time.
CREATE TABLE custody_review AS
WITH RECURSIVE walk AS (
    SELECT subject, 0::BIGINT AS step, started AS since, clock_hours(6) AS may_show, NULL::BIGINT AS postponed
    FROM custody_clock
    WHERE clock = 'review'
    UNION ALL
    SELECT
        moment.subject,
        moment.step,
        CASE moment.fact WHEN 'ReviewHeld' THEN moment.happened ELSE walk.since END,
        CASE
            WHEN moment.fact <> 'ReviewHeld' THEN walk.may_show
            WHEN walk.postponed IS NULL THEN moment.shows + clock_hours(9)
            ELSE least(moment.shows, walk.may_show) + clock_hours(9)
        END,
        CASE WHEN moment.fact <> 'ReviewHeld' THEN coalesce(walk.postponed, moment.happened) END
    FROM walk
    JOIN custody_moment AS moment
        ON moment.subject = walk.subject AND moment.clock = 'review' AND moment.step = walk.step + 1
)
SELECT subject, 'review' AS clock, since, may_show, postponed
FROM walk
QUALIFY row_number() OVER (PARTITION BY subject ORDER BY step DESC) = 1;

-- The detention limit: an authorisation never shortens it.
CREATE TABLE custody_limit AS
WITH RECURSIVE walk AS (
    SELECT subject, 0::BIGINT AS step, clock_hours(24) AS may_show, false AS has_warrant
    FROM custody_clock
    WHERE clock = 'limit'
    UNION ALL
    SELECT
        moment.subject,
        moment.step,
        greatest(walk.may_show, CASE
            WHEN moment.fact = 'ExtensionAuthorised' AND moment.shows <= walk.may_show AND extension.reviews >= 2
                THEN least(moment.shows + moment.until_later, clock_hours(36))
            WHEN moment.fact = 'ExtensionAuthorised'
                THEN walk.may_show
            WHEN walk.has_warrant AND moment.shows <= walk.may_show
                THEN least(moment.shows + clock_hours(moment.hours), walk.may_show + clock_hours(36), clock_hours(96))
            ELSE least(moment.shows + clock_hours(least(moment.hours, 36)), clock_hours(96))
        END),
        walk.has_warrant OR moment.fact = 'WarrantIssued'
    FROM walk
    JOIN custody_moment AS moment
        ON moment.subject = walk.subject AND moment.clock = 'limit' AND moment.step = walk.step + 1
    LEFT JOIN custody_extension AS extension ON extension.subject = moment.subject AND extension.place = moment.place
)
SELECT subject, 'limit' AS clock, may_show
FROM walk
QUALIFY row_number() OVER (PARTITION BY subject ORDER BY step DESC) = 1;

-- The time at which each clock reaches its limit; none where the clock is paused before then.
CREATE TABLE custody_due AS
WITH
may AS (
    SELECT subject, clock, may_show FROM custody_review
    UNION ALL
    SELECT subject, clock, may_show FROM custody_limit
),
reached AS (
    SELECT may.subject, may.clock, stretch.begins + (may.may_show - stretch.shown) AS due, stretch.ends
    FROM may
    JOIN custody_stretch AS stretch
        ON stretch.subject = may.subject AND stretch.clock = may.clock AND stretch.shown <= may.may_show
    QUALIFY row_number() OVER (PARTITION BY may.subject, may.clock ORDER BY stretch.begins DESC) = 1
)
SELECT subject, clock, due FROM reached WHERE ends IS NULL OR due < ends;

INSERT INTO custody_open BY NAME
SELECT 'detention_limit' AS kind, subject, force, relevant_time AS since, began, day, due, suite, child
FROM detention
LEFT JOIN (FROM custody_due WHERE clock = 'limit') AS latest USING (subject)
WHERE ended IS NULL;

INSERT INTO custody_open BY NAME
SELECT 'review_due' AS kind, subject, force, since, began, day, due, suite, child
FROM detention
JOIN custody_review AS review USING (subject)
LEFT JOIN (FROM custody_due WHERE clock = 'review') AS latest USING (subject)
WHERE postponed IS NULL;

INSERT INTO custody_open BY NAME
SELECT 'review_postponed' AS kind, subject, force, greatest(postponed, coalesce(due, postponed)) AS since, began, day, suite, child
FROM detention
JOIN custody_review AS review USING (subject)
LEFT JOIN (FROM custody_due WHERE clock = 'review') AS latest USING (subject)
WHERE postponed IS NOT NULL;

INSERT INTO custody_open BY NAME
SELECT 'custody_clock_paused' AS kind, subject, force, begins AS since, began, day, suite, child
FROM detention
JOIN custody_pause USING (subject)
WHERE ended IS NULL AND stops IS NULL;

DROP TABLE detention;
DROP TABLE custody_clock;
DROP TABLE custody_pause;
DROP TABLE custody_stretch;
DROP TABLE custody_moment;
DROP TABLE custody_extension;
DROP TABLE custody_review;
DROP TABLE custody_limit;
DROP TABLE custody_due;
