-- Adds entries to the log, all or none. KEYS: the log. ARGV: the id of the last entry the writer has read, and the entries.
-- Answers {1, id of the last} when added, {0, id of the last} when the log stands elsewhere: the writer then reads on
-- and decides anew, so that of two who decide at once one sees what the other did.

local log = KEYS[1]
local found = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
local last = found[1] and found[1][1] or '0-0'
if last ~= ARGV[1] then return {0, last} end
for number = 2, #ARGV do last = redis.call('XADD', log, '*', 'entry', ARGV[number]) end
return {1, last}
