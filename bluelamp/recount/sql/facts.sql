-- Section 1: the set of facts, one for each id, before corrections and withdrawals.

-- A subject is identified by force, topic and id; the recount gives it a number.
CREATE TABLE subject AS
SELECT row_number() OVER () AS subject, force, topic, subject_id
FROM (SELECT DISTINCT force, topic, subject_id FROM reported);

-- The order of facts of one subject with the same time.
CREATE TABLE fact_order AS
SELECT unnest(range(1, len(facts) + 1)) AS rank, unnest(facts) AS fact
FROM (
    SELECT [
        'ContactOffered', 'ContactAnswered', 'ContactAbandoned', 'ContactConcluded', 'CallbackDeclined',
        'IncidentOpened', 'IncidentRegraded', 'IncidentReclassified', 'UnitDispatched', 'UnitArrived', 'UnitStoodDown',
        'VideoResponseStarted', 'IncidentClosed', 'IncidentReopened',
        'VoluntaryAttended', 'DetaineeArrived', 'DetaineeTransferred', 'DetentionAuthorised', 'ReviewPostponed', 'ReviewHeld',
        'ExtensionAuthorised', 'WarrantApplied', 'WarrantRefused', 'WarrantIssued', 'DetaineeCharged', 'ClockPaused', 'ClockResumed',
        'DetentionEnded',
        'OccurrenceRecorded', 'PartyLinked', 'VictimReferred', 'VictimContractClosed',
        'CallTakerSignedOn', 'CallTakerStateChanged', 'CallTakerSignedOff'
    ] AS facts
);

-- If several facts have the same id, the one recorded last is used, and one without `recorded_at` only if all are without; then
-- the latest one; if they have the same time, the one with the greater canonical JSON. `place` is the order by `at`, then by what
-- the facts mean, then by `fact_id`.
CREATE TABLE latest AS
WITH
one_to_each_id AS (
    SELECT subject.subject, reported.*
    FROM reported
    JOIN subject USING (force, topic, subject_id)
    QUALIFY row_number() OVER (PARTITION BY subject.subject, fact_id ORDER BY recorded_at DESC NULLS LAST, happened DESC, canonical DESC) = 1
)
SELECT row_number() OVER (ORDER BY happened, rank, fact_id) AS place, one_to_each_id.* EXCLUDE (canonical, number, topic, subject_id)
FROM one_to_each_id
LEFT JOIN fact_order USING (fact);

DROP TABLE fact_order;

DROP TABLE reported;

-- Which fact removes which, by place: a correction or withdrawal removes the fact that it names, unless that fact was recorded
-- later: then it is the correction or withdrawal that is removed.
CREATE TABLE removal AS
WITH
naming AS (
    SELECT subject, place, recorded_at, corrects AS named FROM latest WHERE corrects IS NOT NULL
    UNION
    SELECT subject, place, recorded_at, withdraws AS named FROM latest WHERE withdraws IS NOT NULL
),
pair AS (
    SELECT
        naming.place AS naming, named.place AS named,
        coalesce(named.recorded_at > naming.recorded_at, false) AS is_later
    FROM naming
    JOIN latest AS named ON named.subject = naming.subject AND named.fact_id = naming.named
)
SELECT
    CASE WHEN is_later THEN named ELSE naming END AS remover,
    CASE WHEN is_later THEN naming ELSE named END AS removed
FROM pair;

-- Filled by bluelamp/recount/withdrawal.py: the facts that do not count.
CREATE TABLE not_counted (place BIGINT);
