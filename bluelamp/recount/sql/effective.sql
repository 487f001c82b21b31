-- Section 1: the facts that count. Ends by hand are kept apart: they count only for what is still open.

CREATE TABLE effective AS
SELECT * EXCLUDE (corrects, withdraws, recorded_at)
FROM latest
ANTI JOIN not_counted USING (place)
WHERE fact NOT IN ('FactWithdrawn', 'EndedByHand');

CREATE TABLE by_hand AS
SELECT subject, fact_id, place, happened, reason
FROM latest
ANTI JOIN not_counted USING (place)
WHERE fact = 'EndedByHand';

DROP TABLE latest;
DROP TABLE removal;
DROP TABLE not_counted;
