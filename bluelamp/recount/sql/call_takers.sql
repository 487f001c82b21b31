-- Section 15: call takers. Spans are in seconds (1,000,000 microseconds).

CREATE TABLE call_taker_subject AS
SELECT
    subject, any_value(force) AS force, min(place) FILTER (WHERE fact = 'CallTakerSignedOn') AS first_place,
    coalesce(min(happened) FILTER (WHERE fact = 'CallTakerSignedOn'), min(happened)) AS began, max(happened) AS last_fact
FROM effective
WHERE fact IN ('CallTakerSignedOn', 'CallTakerStateChanged', 'CallTakerSignedOff')
GROUP BY subject;

-- Each fact with the skill of the last sign-on, and whether the call taker is signed on after the last sign-on or sign-off up to it.
CREATE TABLE call_taker_fact AS
SELECT
    subject, effective.force, effective.place, happened, fact,
    CASE fact WHEN 'CallTakerSignedOn' THEN 'signed_on' WHEN 'CallTakerSignedOff' THEN 'signed_off' ELSE state END AS state,
    last_value(CASE WHEN fact = 'CallTakerSignedOn' THEN word(effective.force, 'skill', skill) END IGNORE NULLS) OVER so_far AS skill,
    CASE WHEN fact = 'CallTakerStateChanged' THEN word(effective.force, 'queue', queue) ELSE 'none' END AS queue,
    last_value(CASE WHEN fact <> 'CallTakerStateChanged' THEN fact END IGNORE NULLS) OVER so_far = 'CallTakerSignedOn' AS is_on
FROM effective
JOIN call_taker_subject USING (subject)
WHERE effective.place >= first_place AND fact IN ('CallTakerSignedOn', 'CallTakerStateChanged', 'CallTakerSignedOff')
WINDOW so_far AS (PARTITION BY subject ORDER BY effective.place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- The states. A change while signed off has no effect here. A change to the present state, or a second sign-off, begins no state.
CREATE TABLE call_taker_state AS
WITH
beginning AS (
    SELECT *
    FROM call_taker_fact
    WHERE is_on OR fact = 'CallTakerSignedOff'
    QUALIFY fact = 'CallTakerSignedOn' OR state <> lag(state) OVER (PARTITION BY subject ORDER BY place)
)
SELECT
    subject, force, place, skill, state, queue, happened AS begins,
    lead(happened) OVER in_order AS ends,
    state IN ('on_contact', 'on_hold') AS with_caller,
    coalesce(lag(state) OVER in_order IN ('on_contact', 'on_hold'), false) AS after_caller
FROM beginning
WINDOW in_order AS (PARTITION BY subject ORDER BY place);

INSERT INTO call_takers_finished BY NAME
SELECT 'call_taker_incomplete' AS kind, subject, force, began AS decided, began, day, 0 AS value
FROM with_day('call_taker_subject')
WHERE first_place IS NULL;

INSERT INTO call_takers_finished BY NAME
SELECT
    'handled_unrecorded' AS kind, subject, force, began AS decided, began, day, 'none' AS skill, 'none' AS queue, 2 AS value
FROM with_day('call_taker_subject')
WHERE first_place IS NULL;

INSERT INTO call_takers_finished BY NAME
SELECT
    'call_taker_contradiction' AS kind, subject, force, min(happened) AS decided, any_value(began) AS began, any_value(day) AS day,
    'state_changed_while_signed_off' AS contradiction, 0 AS value
FROM call_taker_fact
JOIN with_day('call_taker_subject') USING (subject, force)
WHERE fact = 'CallTakerStateChanged' AND NOT is_on
GROUP BY subject, force;

INSERT INTO call_takers_finished BY NAME
SELECT
    unnest(['call_taker_state_began', 'call_taker_state_ended']) AS kind, subject, force, unnest([begins, ends]) AS decided, began,
    day, skill, state, 0 AS value
FROM call_taker_state
JOIN with_day('call_taker_subject') USING (subject, force)
WHERE state <> 'signed_off';

-- The last state has no end yet.
DELETE FROM call_takers_finished WHERE decided IS NULL;

INSERT INTO call_takers_open BY NAME
SELECT
    'call_taker_staffed' AS kind, subject, force, begins AS since, began, day, last_fact + 16 * 3600 * 1000000::BIGINT AS unrecorded_from,
    skill, state
FROM call_taker_state
JOIN with_day('call_taker_subject') USING (subject, force)
WHERE ends IS NULL AND state <> 'signed_off';

INSERT INTO call_takers_open BY NAME
SELECT 'call_taker_unrecorded' AS kind, subject, force, unrecorded_from AS since, began, day, skill, state
FROM call_takers_open
WHERE kind = 'call_taker_staffed';

-- A contact is handled in states with the caller that follow each other, and in the wrap-up that directly follows them. `contact`
-- numbers the contacts of a subject; a state that belongs to no contact begins a number of its own.
CREATE TABLE call_taker_contact AS
WITH
numbered AS (
    SELECT
        *,
        sum(CASE WHEN (with_caller AND after_caller) OR (state = 'wrapping_up' AND after_caller) THEN 0 ELSE 1 END)
            OVER (PARTITION BY subject ORDER BY place) AS contact
    FROM call_taker_state
)
SELECT
    subject, force, contact, arg_min(skill, place) AS skill, min(begins) AS begins,
    coalesce(arg_min(queue, place) FILTER (WHERE state = 'on_contact'), 'none') AS queue,
    max(ends) AS ends,
    coalesce(sum(ends - begins) FILTER (WHERE state = 'on_contact'), 0) AS talk,
    coalesce(sum(ends - begins) FILTER (WHERE state = 'on_hold'), 0) AS hold,
    coalesce(sum(ends - begins) FILTER (WHERE state = 'wrapping_up'), 0) AS wrap
FROM numbered
GROUP BY subject, force, contact
HAVING bool_or(with_caller) AND bool_and(ends IS NOT NULL);

INSERT INTO call_takers_finished BY NAME
SELECT
    unnest(['handled', 'handled_talk', 'handled_hold', 'handled_wrap']) AS kind, subject, force, ends AS decided, began, day,
    skill, queue,
    rounded_span(0, unnest([ends - begins, talk, hold, wrap]), 1000000) AS value
FROM call_taker_contact
JOIN with_day('call_taker_subject') USING (subject, force);

DROP TABLE call_taker_contact;
DROP TABLE call_taker_state;
DROP TABLE call_taker_fact;
DROP TABLE call_taker_subject;
