-- Section 8: working days. Counting them gives the second working day after each local day.

-- The Gregorian date of Easter by Gauss's method, as a day of March.
CREATE MACRO easter_sunday(of_year) AS (
    WITH
    parts AS (
        SELECT
            of_year % 19 AS a, of_year % 4 AS b, of_year % 7 AS c, of_year // 100 AS k,
            (13 + 8 * (of_year // 100)) // 25 AS p, of_year // 400 AS q
    ),
    moon AS (SELECT *, (19 * a + (15 - p + k - q) % 30) % 30 AS d, (4 + k - q) % 7 AS n FROM parts),
    week AS (SELECT *, (2 * b + 4 * c + 6 * d + n) % 7 AS e FROM moon)
    SELECT
        make_date(of_year, 3, 22) + (d + e)::INTEGER
        - CASE WHEN (d = 29 AND e = 6) OR (d = 28 AND e = 6 AND a > 10) THEN 7 ELSE 0 END
    FROM week
);

-- Bank holidays of single years, moved or added.
CREATE TABLE proclaimed (day DATE, is_holiday BOOLEAN);

INSERT INTO proclaimed VALUES
    ('1981-07-29', true), ('1995-05-01', false), ('1995-05-08', true), ('1999-12-31', true), ('2002-05-27', false),
    ('2002-06-03', true), ('2002-06-04', true), ('2011-04-29', true), ('2012-05-28', false), ('2012-06-04', true),
    ('2012-06-05', true), ('2020-05-04', false), ('2020-05-08', true), ('2022-05-30', false), ('2022-06-02', true),
    ('2022-06-03', true), ('2022-09-19', true), ('2023-05-08', true);

-- By day of the month and of the week (Monday is 1): the substitute days of holidays that fall on a weekend.
CREATE MACRO is_bank_holiday_by_rule(of_day, easter) AS
    CASE month(of_day)
        WHEN 1 THEN day(of_day) = 1 OR (day(of_day) IN (2, 3) AND isodow(of_day) = 1)
        WHEN 5 THEN isodow(of_day) = 1 AND (day(of_day) <= 7 OR day(of_day) >= 25)
        WHEN 8 THEN isodow(of_day) = 1 AND day(of_day) >= 25
        WHEN 12 THEN day(of_day) IN (25, 26) OR (day(of_day) IN (27, 28) AND isodow(of_day) IN (1, 2))
        ELSE false
    END
    OR of_day IN (easter - 2, easter + 1);

CREATE TABLE working_day AS
WITH
eastered AS (SELECT year, easter_sunday(year) AS easter FROM (SELECT DISTINCT year(day) AS year FROM local_day)),
judged AS (
    SELECT
        time_zone, local_day.day, begins,
        isodow(local_day.day) <= 5
        AND NOT coalesce(is_holiday, is_bank_holiday_by_rule(local_day.day, easter)) AS is_worked
    FROM local_day
    JOIN eastered ON eastered.year = year(local_day.day)
    LEFT JOIN proclaimed ON proclaimed.day = local_day.day
)
SELECT
    *,
    -- The number of working days up to and including this day, and when the day ends.
    count(*) FILTER (WHERE is_worked) OVER (PARTITION BY time_zone ORDER BY day) AS so_far,
    lead(begins) OVER (PARTITION BY time_zone ORDER BY day) AS ends
FROM judged;

CREATE TABLE two_working_days AS
SELECT force.force, started.day, counted.ends AS ended
FROM force
JOIN working_day AS started ON started.time_zone = force.time_zone
JOIN working_day AS counted
    ON counted.time_zone = force.time_zone AND counted.is_worked AND counted.so_far = started.so_far + 2
WHERE force.bank_holidays = 'england_and_wales';

DROP TABLE working_day;
