-- Section 7: custody. bluelamp/recount/custody.py reads custody_fact and fills the two tables of outcomes.

CREATE TABLE custody_fact AS
SELECT
    subject, force, fact, happened, suite, word(force, 'suite', suite) AS word, child, disposal, reason, basis, continues, indictable,
    epoch_us(relevant_time) AS relevant_time, epoch_us(until) AS until, epoch_us(sits_at) AS sits_at,
    coalesce(hours, 0) * 60 + coalesce(minutes, 0) AS minutes, place
FROM effective
WHERE fact IN (
    'VoluntaryAttended', 'DetaineeArrived', 'DetaineeTransferred', 'DetentionAuthorised', 'ReviewPostponed', 'ReviewHeld',
    'ExtensionAuthorised', 'WarrantApplied', 'WarrantRefused', 'WarrantIssued', 'DetaineeCharged', 'ClockPaused', 'ClockResumed',
    'DetentionEnded'
);

-- Both tables have a column for every dimension of the topic's kinds.
CREATE TABLE custody_finished (
    subject BIGINT, kind VARCHAR, force VARCHAR, decided BIGINT, began BIGINT, day DATE,
    suite VARCHAR, child VARCHAR, note VARCHAR, disposal VARCHAR, contradiction VARCHAR, value BIGINT
);

CREATE TABLE custody_open (
    subject BIGINT, kind VARCHAR, force VARCHAR, since BIGINT, began BIGINT, day DATE, due BIGINT, unrecorded_from BIGINT,
    suite VARCHAR, child VARCHAR, note VARCHAR, disposal VARCHAR, contradiction VARCHAR
);
