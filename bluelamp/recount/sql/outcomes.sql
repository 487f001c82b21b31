-- The tables of outcomes and of open items: each has a column for every dimension of its topic's kinds.

CREATE TABLE contacts_finished (
    subject BIGINT, kind VARCHAR, force VARCHAR, decided BIGINT, began BIGINT, day DATE,
    line VARCHAR, queue VARCHAR, channel VARCHAR, result VARCHAR, contradiction VARCHAR, "end" VARCHAR, reason VARCHAR,
    value BIGINT
);

CREATE TABLE contacts_open (
    subject BIGINT, kind VARCHAR, force VARCHAR, since BIGINT, began BIGINT, day DATE, due BIGINT, unrecorded_from BIGINT,
    line VARCHAR, queue VARCHAR, channel VARCHAR, result VARCHAR, contradiction VARCHAR, "end" VARCHAR, reason VARCHAR
);

CREATE TABLE incidents_finished (
    subject BIGINT, kind VARCHAR, force VARCHAR, decided BIGINT, began BIGINT, day DATE,
    grade VARCHAR, "group" VARCHAR, area VARCHAR, domestic VARCHAR, category VARCHAR,
    result VARCHAR, from_grade VARCHAR, contradiction VARCHAR, "end" VARCHAR, reason VARCHAR, value BIGINT
);

CREATE TABLE incidents_open (
    subject BIGINT, kind VARCHAR, force VARCHAR, since BIGINT, began BIGINT, day DATE, due BIGINT, unrecorded_from BIGINT,
    grade VARCHAR, "group" VARCHAR, area VARCHAR, domestic VARCHAR, category VARCHAR,
    result VARCHAR, from_grade VARCHAR, contradiction VARCHAR, "end" VARCHAR, reason VARCHAR
);

CREATE TABLE custody_finished (
    subject BIGINT, kind VARCHAR, force VARCHAR, decided BIGINT, began BIGINT, day DATE,
    suite VARCHAR, child VARCHAR, note VARCHAR, disposal VARCHAR, contradiction VARCHAR, value BIGINT
);

CREATE TABLE custody_open (
    subject BIGINT, kind VARCHAR, force VARCHAR, since BIGINT, began BIGINT, day DATE, due BIGINT, unrecorded_from BIGINT,
    suite VARCHAR, child VARCHAR, note VARCHAR, disposal VARCHAR, contradiction VARCHAR
);

CREATE TABLE occurrences_finished (
    subject BIGINT, kind VARCHAR, force VARCHAR, decided BIGINT, began BIGINT, day DATE,
    type VARCHAR, area VARCHAR, domestic VARCHAR, role VARCHAR, "repeat" VARCHAR, compliance VARCHAR,
    contradiction VARCHAR, value BIGINT
);

CREATE TABLE occurrences_open (
    subject BIGINT, kind VARCHAR, force VARCHAR, since BIGINT, began BIGINT, day DATE, due BIGINT, unrecorded_from BIGINT,
    type VARCHAR, area VARCHAR, domestic VARCHAR, role VARCHAR, "repeat" VARCHAR, compliance VARCHAR,
    contradiction VARCHAR
);

CREATE TABLE call_takers_finished (
    subject BIGINT, kind VARCHAR, force VARCHAR, decided BIGINT, began BIGINT, day DATE,
    skill VARCHAR, state VARCHAR, queue VARCHAR, contradiction VARCHAR, value BIGINT
);

CREATE TABLE call_takers_open (
    subject BIGINT, kind VARCHAR, force VARCHAR, since BIGINT, began BIGINT, day DATE, due BIGINT, unrecorded_from BIGINT,
    skill VARCHAR, state VARCHAR, queue VARCHAR, contradiction VARCHAR
);
