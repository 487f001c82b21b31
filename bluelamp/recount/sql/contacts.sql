-- Section 5: contacts. Spans are in tenths of a second (100,000 microseconds).

-- Each offer begins a leg. A second offer for the same queue at the same time belongs to the same leg. `leg` is its place.
CREATE TABLE contact_offer AS
SELECT subject, force, place AS leg, happened AS offered, line, queue, channel
FROM effective
WHERE fact = 'ContactOffered'
QUALIFY row_number() OVER (PARTITION BY subject, queue, happened ORDER BY place) = 1;

-- Each end of a leg with its leg; without a leg where the contact was never offered to that queue.
CREATE TABLE contact_end AS
WITH
ending AS (
    SELECT subject, force, place, fact, happened, queue, result, epoch_us(promised_for) AS promised
    FROM effective
    WHERE fact IN ('ContactAnswered', 'ContactAbandoned', 'ContactConcluded')
),
-- The latest leg of that queue offered at or before the end.
last_before AS (
    SELECT ending.place, contact_offer.leg
    FROM ending
    ASOF JOIN contact_offer
        ON contact_offer.subject = ending.subject
        AND contact_offer.queue = ending.queue
        AND ending.happened >= contact_offer.offered
),
first_of_queue AS (
    SELECT subject, queue, min(leg) AS leg FROM contact_offer GROUP BY subject, queue
),
-- The conclusions from the offer of each leg to the next offer of its queue: those at the very time of the offer, and the others.
conclusion AS (
    SELECT ending.place, ending.happened, coalesce(last_before.leg, first_of_queue.leg) AS leg
    FROM ending
    LEFT JOIN last_before USING (place)
    JOIN first_of_queue USING (subject, queue)
    WHERE fact = 'ContactConcluded'
),
counted AS (
    SELECT
        contact_offer.leg,
        subject,
        queue,
        offered,
        lag(contact_offer.leg) OVER of_queue AS leg_before,
        count(conclusion.place) FILTER (WHERE happened = offered) AS at_offer,
        count(conclusion.place) FILTER (WHERE happened <> offered) AS others,
        min(conclusion.place) FILTER (WHERE happened = offered) AS first_at_offer
    FROM contact_offer
    LEFT JOIN conclusion USING (leg)
    GROUP BY contact_offer.leg, subject, queue, offered
    WINDOW of_queue AS (PARTITION BY subject, queue ORDER BY contact_offer.leg)
),
-- Whether each leg has a conclusion by the time of the next offer. If its only one is at its own offer, the leg before took that
-- one unless it had a conclusion itself, so the answer is the same for both.
state AS (
    SELECT
        *,
        last_value(
            CASE
                WHEN others > 0 OR at_offer > 1 THEN true
                WHEN at_offer = 0 THEN false
                WHEN leg_before IS NULL THEN true
            END IGNORE NULLS
        ) OVER (PARTITION BY subject, queue ORDER BY leg) AS is_concluded
    FROM counted
),
-- A conclusion at the very time of an offer ends the leg before, if that has none yet.
at_next_offer AS (
    SELECT first_at_offer AS place, leg_before
    FROM (SELECT *, lag(is_concluded) OVER (PARTITION BY subject, queue ORDER BY leg) AS is_before_concluded FROM state)
    WHERE first_at_offer IS NOT NULL AND NOT is_before_concluded
)
SELECT ending.*, coalesce(at_next_offer.leg_before, last_before.leg, first_of_queue.leg) AS leg
FROM ending
LEFT JOIN at_next_offer USING (place)
LEFT JOIN last_before USING (place)
LEFT JOIN first_of_queue USING (subject, queue);

CREATE TABLE contact_beginning AS
SELECT subject, any_value(force) AS force, min(offered) AS began FROM contact_offer GROUP BY subject;

-- When each leg falls due: by the target of its queue that applies on the local day of the offer. None where no target
-- applies yet, or where the queue has no target.
CREATE TABLE contact_due AS
WITH
offer_day AS (
    SELECT contact_offer.leg, contact_offer.force, contact_offer.queue, contact_offer.offered, local_day.day
    FROM contact_offer
    JOIN force ON force.force = contact_offer.force
    ASOF JOIN local_day ON local_day.time_zone = force.time_zone AND contact_offer.offered >= local_day.begins
)
SELECT leg, due_instant(offered, queue_target.seconds, queue_target.is_inclusive, 100000) AS due
FROM offer_day
ASOF JOIN queue_target
    ON queue_target.force = offer_day.force
    AND queue_target.queue = offer_day.queue
    AND offer_day.day >= queue_target.since;

CREATE TABLE contact_leg AS
WITH
-- The first end of each kind.
first_end AS (
    SELECT
        leg,
        min(happened) FILTER (WHERE fact = 'ContactAnswered') AS answered,
        min(happened) FILTER (WHERE fact = 'ContactAbandoned') AS abandoned,
        min(happened) FILTER (WHERE fact = 'ContactConcluded') AS concluded,
        arg_min(result, place) FILTER (WHERE fact = 'ContactConcluded') AS result,
        arg_min_null(promised, place) FILTER (WHERE fact = 'ContactConcluded') AS promised
    FROM contact_end
    WHERE leg IS NOT NULL
    GROUP BY leg
),
-- Of an answer and an abandonment, the earlier counts; if they are at the same time, the answer.
counted_end AS (
    SELECT
        *,
        CASE WHEN abandoned IS NULL OR answered <= abandoned THEN answered END AS counted_answered,
        CASE WHEN answered IS NULL OR abandoned < answered THEN abandoned END AS counted_abandoned
    FROM first_end
)
SELECT
    contact_offer.subject,
    contact_offer.force,
    beginning.began,
    beginning.day,
    contact_offer.leg,
    contact_offer.offered,
    contact_offer.leg = min(contact_offer.leg) OVER of_contact AS is_first,
    contact_offer.leg = max(contact_offer.leg) OVER of_contact AS is_last,
    contact_offer.line,
    word(contact_offer.force, 'queue', contact_offer.queue) AS queue,
    word(contact_offer.force, 'channel', contact_offer.channel) AS channel,
    counted_end.* EXCLUDE (leg),
    contact_due.due,
    coalesce(queue.short_abandon_seconds, 0) * 1000000 AS short_abandon_microseconds
FROM contact_offer
JOIN with_day('contact_beginning') AS beginning USING (subject)
LEFT JOIN counted_end ON counted_end.leg = contact_offer.leg
LEFT JOIN contact_due ON contact_due.leg = contact_offer.leg
LEFT JOIN queue ON queue.force = contact_offer.force AND queue.queue = contact_offer.queue
WINDOW of_contact AS (PARTITION BY contact_offer.subject);

INSERT INTO contacts_finished BY NAME
SELECT 'contact_offered' AS kind, subject, force, offered AS decided, began, day, line, queue, channel, 0 AS value
FROM contact_leg
WHERE is_first;

INSERT INTO contacts_finished BY NAME
SELECT 'leg_offered' AS kind, subject, force, offered AS decided, began, day, line, queue, channel, 0 AS value
FROM contact_leg;

INSERT INTO contacts_finished BY NAME
SELECT 'leg_concluded' AS kind, subject, force, concluded AS decided, began, day, line, queue, channel, result, 0 AS value
FROM contact_leg
WHERE concluded IS NOT NULL;

INSERT INTO contacts_finished BY NAME
SELECT
    'contact_contradiction' AS kind,
    subject, force,
    greatest(answered, abandoned) AS decided,
    began,
    day,
    'leg_both_answered_and_abandoned' AS contradiction,
    0 AS value
FROM contact_leg
WHERE answered IS NOT NULL AND abandoned IS NOT NULL;

-- The span of each leg that has an end. A wait that ends before it starts is not a wait, and not a short one.
CREATE TABLE contact_span AS
SELECT
    CASE
        WHEN counted_answered IS NOT NULL THEN 'leg_answered'
        WHEN counted_abandoned - offered BETWEEN 0 AND short_abandon_microseconds - 1 THEN 'leg_abandoned_short'
        WHEN counted_abandoned IS NOT NULL THEN 'leg_abandoned'
        ELSE 'leg_left'
    END AS kind,
    coalesce(counted_answered, counted_abandoned, concluded) AS ended,
    *
FROM contact_leg
WHERE coalesce(counted_answered, counted_abandoned, concluded) IS NOT NULL;

INSERT INTO contacts_finished BY NAME
SELECT
    kind, subject, force, ended AS decided, began, day, line, queue, channel,
    rounded_span(offered, ended, 100000) AS value
FROM contact_span
WHERE ended >= offered;

INSERT INTO contacts_finished BY NAME
SELECT
    'contact_contradiction' AS kind, subject, force, ended AS decided, began, day,
    kind || '_ends_before_it_starts' AS contradiction, 0 AS value
FROM contact_span
WHERE ended < offered;

-- Answered legs of queues with a target, for both decided kinds.
INSERT INTO contacts_finished BY NAME
SELECT
    decided_kind.kind, subject, force, decided_instant(counted_answered, NULL, due) AS decided, began, day, line, queue, channel,
    is_met(counted_answered, due) AS value
FROM contact_leg
CROSS JOIN (VALUES ('leg_answer_decided'), ('leg_service_decided')) AS decided_kind (kind)
WHERE due IS NOT NULL AND counted_answered >= offered;

-- Abandoned after the target had passed: the target was missed.
INSERT INTO contacts_finished BY NAME
SELECT
    'leg_service_decided' AS kind, subject, force, decided_instant(NULL, counted_abandoned, due) AS decided, began, day,
    line, queue, channel, 0 AS value
FROM contact_leg
WHERE due <= counted_abandoned AND counted_abandoned >= offered;

-- Legs without an end: the contact's last leg is still waiting, until a person ends it or its end counts as unrecorded; the end of
-- an earlier leg was not recorded.
CREATE TABLE contact_waiting AS
WITH
waiting AS (
    SELECT * FROM contact_leg WHERE is_last AND coalesce(answered, abandoned, concluded) IS NULL
),
-- The first end by hand, at or after the offer.
ended_by_hand AS (
    SELECT waiting.subject, min(happened) AS ended, arg_min(by_hand.reason, by_hand.place) AS reason
    FROM by_hand
    JOIN waiting ON waiting.subject = by_hand.subject AND by_hand.happened >= waiting.offered
    GROUP BY waiting.subject
)
SELECT
    waiting.*,
    ended_by_hand.ended,
    ended_by_hand.reason,
    offered + 1000000 * coalesce(
        listed.end_unrecorded_seconds,
        CASE waiting.line WHEN '999' THEN 3600 WHEN '101' THEN 12 * 3600 ELSE 28 * 24 * 3600 END
    ) AS too_old,
    least(too_old, ended_by_hand.ended) AS unrecorded_from
FROM waiting
LEFT JOIN ended_by_hand USING (subject)
-- No profile lists the label of an unlisted queue.
LEFT JOIN queue AS listed ON listed.force = waiting.force AND listed.queue = waiting.queue;

INSERT INTO contacts_open BY NAME
SELECT 'leg_waiting' AS kind, subject, force, offered AS since, began, day, unrecorded_from, line, queue, channel
FROM contact_waiting;

INSERT INTO contacts_open BY NAME
SELECT decided_kind.kind, subject, force, offered AS since, began, day, due, unrecorded_from, line, queue, channel
FROM contact_waiting
CROSS JOIN (VALUES ('leg_answer_decided'), ('leg_service_decided')) AS decided_kind (kind)
WHERE due IS NOT NULL;

INSERT INTO contacts_open BY NAME
SELECT 'contact_unrecorded' AS kind, subject, force, too_old AS since, began, day, line, queue, channel, 'wait' AS "end"
FROM contact_waiting
WHERE ended IS NULL;

INSERT INTO contacts_finished BY NAME
SELECT
    'contact_ended_by_hand' AS kind, subject, force, ended AS decided, began, day, line, queue, channel, reason, 0 AS value
FROM contact_waiting
WHERE ended IS NOT NULL;

INSERT INTO contacts_finished BY NAME
SELECT 'leg_end_unrecorded' AS kind, subject, force, offered AS decided, began, day, line, queue, channel, 0 AS value
FROM contact_leg
WHERE NOT is_last AND coalesce(answered, abandoned, concluded) IS NULL;

-- Ends in a queue to which the contact was never offered. A contact without any offer began with its earliest fact.
CREATE TABLE contact_without_leg AS
SELECT
    contact_end.subject,
    any_value(contact_end.force) AS force,
    min(contact_end.happened) AS decided,
    coalesce(any_value(contact_beginning.began), min(contact_end.happened)) AS began
FROM contact_end
LEFT JOIN contact_beginning USING (subject)
WHERE contact_end.leg IS NULL
GROUP BY contact_end.subject;

INSERT INTO contacts_finished BY NAME
SELECT 'contact_incomplete' AS kind, subject, force, decided, began, day, 0 AS value
FROM with_day('contact_without_leg');

-- Section 12: legs in doubt. `counts_as` is what the leg counts as: an answer, an abandonment, or neither.
CREATE TABLE contact_doubt AS
SELECT
    *,
    CASE
        WHEN counted_answered >= offered THEN 'answer'
        WHEN counted_abandoned >= offered AND counted_abandoned - offered >= short_abandon_microseconds THEN 'abandonment'
        ELSE 'neither'
    END AS counts_as,
    coalesce(answered, abandoned, concluded) IS NULL AS has_no_end
FROM contact_leg
WHERE (answered IS NOT NULL AND abandoned IS NOT NULL)
    OR coalesce(counted_answered, counted_abandoned, concluded) < offered
    OR (NOT is_last AND coalesce(answered, abandoned, concluded) IS NULL);

INSERT INTO contacts_finished BY NAME
SELECT
    'leg_abandonment_unrecorded' AS kind, subject, force, began, day, line, queue, channel,
    CASE counts_as WHEN 'answer' THEN counted_answered WHEN 'abandonment' THEN counted_abandoned ELSE offered END AS decided,
    CASE counts_as WHEN 'answer' THEN 0 WHEN 'abandonment' THEN 1 ELSE 2 END AS value
FROM contact_doubt;

INSERT INTO contacts_finished BY NAME
SELECT
    'leg_answer_unrecorded' AS kind, subject, force, began, day, line, queue, channel,
    CASE WHEN due IS NOT NULL AND counts_as = 'answer' THEN decided_instant(counted_answered, NULL, due) ELSE offered END AS decided,
    CASE WHEN due IS NULL THEN 3 WHEN counts_as = 'answer' THEN is_met(counted_answered, due) ELSE 2 END AS value
FROM contact_doubt;

INSERT INTO contacts_finished BY NAME
SELECT
    'leg_service_unrecorded' AS kind, subject, force, began, day, line, queue, channel,
    CASE
        WHEN counts_as = 'answer' THEN decided_instant(counted_answered, NULL, due)
        WHEN counted_abandoned >= greatest(due, offered) THEN decided_instant(NULL, counted_abandoned, due)
        ELSE offered
    END AS decided,
    CASE
        WHEN counts_as = 'answer' THEN is_met(counted_answered, due)
        WHEN counted_abandoned >= greatest(due, offered) THEN 0
        ELSE 2
    END AS value
FROM contact_doubt
WHERE due IS NOT NULL;

INSERT INTO contacts_finished BY NAME
SELECT 'leg_result_unrecorded' AS kind, subject, force, offered AS decided, began, day, line, queue, channel, 2 AS value
FROM contact_doubt
WHERE has_no_end;

-- Section 12: for each queue to which the contact was never offered, one leg.
CREATE TABLE contact_never_offered AS
WITH
stray AS (
    SELECT subject, any_value(force) AS force, queue AS label, min(happened) AS decided
    FROM contact_end
    WHERE leg IS NULL
    GROUP BY subject, queue
),
placed AS (
    SELECT
        stray.*, beginning.began, beginning.day,
        coalesce(queue.line, 'none') AS line, word(stray.force, 'queue', label) AS queue, 'none' AS channel
    FROM stray
    JOIN with_day('contact_without_leg') AS beginning USING (subject)
    LEFT JOIN queue ON queue.force = stray.force AND queue.queue = label
),
dated AS (
    SELECT placed.*, local_day.day AS own_day
    FROM placed
    JOIN force ON force.force = placed.force
    ASOF JOIN local_day ON local_day.time_zone = force.time_zone AND placed.decided >= local_day.begins
)
SELECT
    dated.*,
    (
        SELECT arg_max(coalesce(seconds, -1), since) >= 0
        FROM queue_target
        WHERE queue_target.force = dated.force AND queue_target.queue = dated.label AND since <= own_day
    ) AS has_target
FROM dated;

INSERT INTO contacts_finished BY NAME
SELECT
    never.kind, subject, force, decided, began, day, line, queue, channel,
    CASE WHEN never.kind = 'leg_answer_unrecorded' AND NOT coalesce(has_target, false) THEN 3 ELSE 2 END AS value
FROM contact_never_offered
CROSS JOIN (
    VALUES ('leg_abandonment_unrecorded'), ('leg_answer_unrecorded'), ('leg_service_unrecorded'), ('leg_result_unrecorded')
) AS never (kind)
WHERE never.kind <> 'leg_service_unrecorded' OR coalesce(has_target, false);

-- Callbacks: for each contact, the first callback that the caller accepted, in order of legs, with the first later offer and the
-- first answer after it.
CREATE TABLE contact_callback AS
WITH
accepted AS (
    SELECT *, concluded AS accepted_at
    FROM contact_leg
    WHERE answered IS NULL AND abandoned IS NULL AND result = 'callback' AND concluded >= offered
    QUALIFY row_number() OVER (PARTITION BY subject ORDER BY leg) = 1
),
after AS (
    SELECT
        accepted.subject,
        min(later.offered) AS attempted_at,
        min(later.counted_answered) AS answered_at,
        bool_or(later.leg IN (SELECT leg FROM contact_doubt)) AS has_doubt
    FROM accepted
    JOIN contact_leg AS later
        ON later.subject = accepted.subject AND later.leg > accepted.leg AND later.offered >= accepted.accepted_at
    GROUP BY accepted.subject
)
SELECT
    accepted.*, attempted_at, coalesce(has_doubt, false) AS is_in_doubt,
    CASE WHEN NOT has_doubt THEN answered_at END AS connected_at
FROM accepted
LEFT JOIN after USING (subject);

INSERT INTO contacts_finished BY NAME
SELECT 'callback_accepted' AS kind, subject, force, accepted_at AS decided, began, day, line, queue, channel, 0 AS value
FROM contact_callback;

INSERT INTO contacts_finished BY NAME
SELECT
    'callback_attempted' AS kind, subject, force, attempted_at AS decided, began, day, line, queue, channel,
    rounded_span(accepted_at, attempted_at, 100000) AS value
FROM contact_callback
WHERE attempted_at IS NOT NULL;

INSERT INTO contacts_finished BY NAME
SELECT
    'callback_connected' AS kind, subject, force, connected_at AS decided, began, day, line, queue, channel,
    rounded_span(accepted_at, connected_at, 100000) AS value
FROM contact_callback
WHERE connected_at IS NOT NULL;

INSERT INTO contacts_finished BY NAME
SELECT 'callback_unrecorded' AS kind, subject, force, accepted_at AS decided, began, day, line, queue, channel, 2 AS value
FROM contact_callback
WHERE is_in_doubt;

INSERT INTO contacts_open BY NAME
SELECT
    'callback_waiting' AS kind, subject, force, accepted_at AS since, began, day,
    accepted_at + 86400000000 AS unrecorded_from, line, queue, channel
FROM contact_callback
WHERE attempted_at IS NULL;

-- Whether the callback reached the caller within 24 hours, and before the promised time.
CREATE TABLE callback_limit AS
SELECT *, 'callback_connected_decided' AS kind, accepted_at + 86400000000 AS before FROM contact_callback WHERE NOT is_in_doubt
UNION ALL
SELECT *, 'callback_kept_decided' AS kind, promised AS before
FROM contact_callback
WHERE NOT is_in_doubt AND promised > accepted_at;

INSERT INTO contacts_finished BY NAME
SELECT
    kind, subject, force, decided_instant(connected_at, NULL, before) AS decided, began, day, line, queue, channel,
    is_met(connected_at, before) AS value
FROM callback_limit
WHERE connected_at IS NOT NULL;

INSERT INTO contacts_open BY NAME
SELECT kind, subject, force, accepted_at AS since, began, day, before AS due, line, queue, channel
FROM callback_limit
WHERE connected_at IS NULL;

-- Whether an offered callback was accepted: for each contact the accepted one, otherwise the first one that was declined in a queue
-- to which the contact was offered.
CREATE TABLE callback_offer AS
WITH
declined AS (
    SELECT
        effective.subject, place, happened,
        coalesce(max(leg) FILTER (WHERE offered <= happened), min(leg)) AS leg
    FROM effective
    JOIN contact_offer ON contact_offer.subject = effective.subject AND contact_offer.queue = effective.queue
    WHERE fact = 'CallbackDeclined' AND effective.subject NOT IN (SELECT subject FROM contact_callback)
    GROUP BY effective.subject, place, happened
    QUALIFY row_number() OVER (PARTITION BY effective.subject ORDER BY place) = 1
)
SELECT leg, accepted_at AS decided, 1 AS value FROM contact_callback
UNION ALL
SELECT leg, happened AS decided, 0 AS value FROM declined;

INSERT INTO contacts_finished BY NAME
SELECT
    'callback_offer_settled' AS kind, contact_leg.subject, contact_leg.force, decided, began, day, contact_leg.line,
    contact_leg.queue, channel, value
FROM callback_offer
JOIN contact_leg USING (leg)
JOIN queue ON queue.force = contact_leg.force AND queue.queue = contact_leg.queue
WHERE declined_reported;

DROP TABLE callback_offer;
DROP TABLE callback_limit;
DROP TABLE contact_callback;
DROP TABLE contact_doubt;
DROP TABLE contact_never_offered;
DROP TABLE contact_offer;
DROP TABLE contact_end;
DROP TABLE contact_beginning;
DROP TABLE contact_due;
DROP TABLE contact_leg;
DROP TABLE contact_span;
DROP TABLE contact_waiting;
DROP TABLE contact_without_leg;
