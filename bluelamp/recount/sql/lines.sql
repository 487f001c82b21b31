-- The lines of a file, one for each fact: its topic, time, subject as "force id", canonical JSON, and number in the order of the
-- log, separated by tabs. The parameter is the path of the file.

CREATE VIEW line AS
SELECT *
FROM read_csv(
    getvariable('facts_file'),
    delim = '\t', quote = '', escape = '', header = false, auto_detect = false,
    columns = {'topic': 'VARCHAR', 'happened': 'BIGINT', 'about': 'VARCHAR', 'canonical': 'VARCHAR', 'number': 'BIGINT'}
);
