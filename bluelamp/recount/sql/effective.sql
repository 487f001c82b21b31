-- Section 1: the facts in force.

CREATE TABLE effective AS
SELECT * EXCLUDE (corrects, withdraws)
FROM standing
ANTI JOIN gone USING (place)
WHERE fact <> 'FactWithdrawn';

DROP TABLE standing;
DROP TABLE strike;
DROP TABLE gone;
