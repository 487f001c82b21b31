-- Section 1: the facts that count.

CREATE TABLE effective AS
SELECT * EXCLUDE (corrects, withdraws, recorded_at)
FROM latest
ANTI JOIN not_counted USING (place)
WHERE fact <> 'FactWithdrawn';

DROP TABLE latest;
DROP TABLE removal;
DROP TABLE not_counted;
