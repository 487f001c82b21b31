-- Appends entries to the log, all or none. KEYS: the log. ARGV: the ID of the last entry the writer has read, then the entries.
-- Returns {1, last ID} when appended, or {0, last ID} when the log has newer entries: the writer then reads those and
-- decides again, so that of two concurrent writers one sees what the other wrote.

local log = KEYS[1]
local latest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
local last = latest[1] and latest[1][1] or '0-0'
if last ~= ARGV[1] then return {0, last} end
for number = 2, #ARGV do last = redis.call('XADD', log, '*', 'entry', ARGV[number]) end
return {1, last}
