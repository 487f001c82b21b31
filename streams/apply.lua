-- One batch of one partition, whole or not at all. KEYS: control, timelines, open, feeds, changes.
-- ARGV: the fence the worker last saw, its epoch, the fence after the batch, and the change in MessagePack.
-- Answers {1, fence} when applied, {0, stored fence, stored epoch} when fenced, {-1, reason} when nothing was changed.

local control, timelines, open, feeds, changes = unpack(KEYS)
local expected, epoch, after = ARGV[1], ARGV[2], ARGV[3]

local stored = redis.call('HMGET', control, 'fence', 'epoch')
if stored[1] ~= expected or stored[2] ~= epoch then
  redis.call('HINCRBY', control, 'fenced', 1)
  return {0, stored[1] or '', stored[2] or ''}
end

local change = cmsgpack.unpack(ARGV[4])

-- Everything that can be refused is refused before the first write: a script that stops midway is not rolled back.
local wanted = {[timelines] = 'hash', [open] = 'hash', [feeds] = 'hash', [changes] = 'stream'}
for _, entry in ipairs(change.index) do wanted[entry[1]] = 'zset' end
for key, kind in pairs(wanted) do
  local found = redis.call('TYPE', key)['ok']
  if found ~= kind and found ~= 'none' then return {-1, key .. ' holds a ' .. found .. ', not a ' .. kind} end
end

local done, emptied = {}, {}
local function undo(reason)
  for position = #done, 1, -1 do
    local step = done[position]
    redis.call('HINCRBY', step[1], step[2], -step[3])
    if redis.call('HGET', step[1], step[2]) == '0' then redis.call('HDEL', step[1], step[2]) end
  end
  return {-1, reason}
end

for _, pane in ipairs(change.panes) do
  local key, fields = pane[1], pane[2]
  for position = 1, #fields, 2 do
    local field, delta = fields[position], fields[position + 1]
    local count = redis.pcall('HINCRBY', key, field, delta)
    if type(count) == 'table' then return undo(key .. ' ' .. field .. ': ' .. count.err) end
    done[#done + 1] = {key, field, delta}
    if count < 0 then return undo(key .. ' ' .. field .. ' would be ' .. count) end
    if count == 0 then emptied[#emptied + 1] = {key, field} end
  end
end
for _, each in ipairs(emptied) do redis.call('HDEL', each[1], each[2]) end
for _, entry in ipairs(change.index) do redis.call('ZADD', entry[1], entry[2], entry[2]) end

local function set(key, pairs_of)
  for first = 1, #pairs_of, 1000 do
    redis.call('HSET', key, unpack(pairs_of, first, math.min(first + 999, #pairs_of)))
  end
end
set(timelines, change.timelines)
set(open, change.open)
set(feeds, change.feeds)
for _, subject in ipairs(change.closed) do redis.call('HDEL', open, subject) end

-- Panes no longer kept, oldest first; what is left over goes with a later batch.
for _, drop in ipairs(change.drop) do
  local index, prefix, before = drop[1], drop[2], '(' .. drop[3]
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', before, 'LIMIT', 0, 2000)
  for _, slot in ipairs(old) do
    redis.call('UNLINK', prefix .. slot)
    redis.call('ZREM', index, slot)
  end
end

redis.call('XADD', changes, 'MAXLEN', '~', 256, '*', 'from', expected, 'to', after, 'touched', change.touched)
redis.call('HSET', control, 'fence', after)
return {1, after}
