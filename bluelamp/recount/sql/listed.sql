-- Section 3: contradictions and incomplete subjects are open items too, from the time at which each is counted.

INSERT INTO contacts_open BY NAME
SELECT subject, kind, force, decided AS since, began, day, contradiction
FROM contacts_finished
WHERE kind IN ('contact_contradiction', 'contact_incomplete');

INSERT INTO incidents_open BY NAME
SELECT subject, kind, force, decided AS since, began, day, contradiction
FROM incidents_finished
WHERE kind IN ('incident_contradiction', 'incident_incomplete');

INSERT INTO custody_open BY NAME
SELECT subject, kind, force, decided AS since, began, day, contradiction
FROM custody_finished
WHERE kind IN ('detention_contradiction', 'detention_incomplete');

INSERT INTO occurrences_open BY NAME
SELECT subject, kind, force, decided AS since, began, day, contradiction
FROM occurrences_finished
WHERE kind IN ('occurrence_contradiction', 'occurrence_incomplete');

INSERT INTO call_takers_open BY NAME
SELECT subject, kind, force, decided AS since, began, day, contradiction
FROM call_takers_finished
WHERE kind IN ('call_taker_contradiction', 'call_taker_incomplete');
