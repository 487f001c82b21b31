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
