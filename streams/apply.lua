-- Applies one batch to one partition, completely or not at all. KEYS: control, timelines, open, feeds, changes, and one
-- that never exists.
-- ARGV: the owner's applied offset and epoch, the applied offset after the batch, and the change in MessagePack.
-- Returns {1, applied offset} if the batch was applied, {0, stored applied offset, stored epoch} if the owner is stale,
-- {2, hashes} if it changes counts that are compressed, and {-1, reason} if the state is damaged. Any other refusal is a server error. Unless the batch was applied, nothing has changed.
--
-- Redis undoes nothing when a script fails midway, so everything that can be checked is checked before the first write: types,
-- permissions and counts. Redis refuses the first write if it is short of memory, disk or replicas, and after that refuses
-- none. If a later write still fails, the earlier ones are undone. The applied offset is written last.

local control, timelines, open, feeds, changes = unpack(KEYS)
local expected, epoch, after = ARGV[1], ARGV[2], ARGV[3]
local MANY = 1000 -- arguments in one command, an even number: Lua can pass only a few thousand
local LARGEST = 2 ^ 53 -- larger numbers are not exact in Lua

local function wrong_type(key, wanted)
  local found = redis.call('TYPE', key)['ok']
  return found ~= wanted and found ~= 'none' and {-1, key .. ' holds a ' .. found .. ', not a ' .. wanted}
end

local refusal = wrong_type(control, 'hash')
if refusal then return refusal end
local stored = redis.call('HMGET', control, 'applied_offset', 'epoch')
if stored[1] ~= expected or stored[2] ~= epoch then
  redis.pcall('HINCRBY', control, 'stale_writes', 1) -- only a metric: if Redis refuses it, the caller must still learn that the owner is stale
  return {0, stored[1] or '', stored[2] or ''}
end

local change = cmsgpack.unpack(ARGV[4])

-- Every key that is written, with its type and all commands ever used on it, so that a missing permission shows at the first batch.
local planned = {}
for _, key in ipairs({control, timelines, open, feeds}) do planned[key] = {'hash', 'HSET', 'HDEL'} end
-- For the panes of one force and grain, the first hash shows what is permitted. Their types show when they are read.
for _, group in ipairs(change.panes) do planned[group[1] .. group[2][1][1]] = {'hash', 'HSET', 'HDEL', 'UNLINK'} end
for _, entry in ipairs(change.index) do planned[entry[1]] = {'zset', 'ZADD', 'ZREM'} end
for _, drop in ipairs(change.drop) do
  planned[drop[1]] = {'zset', 'ZADD', 'ZREM', 'ZRANGEBYSCORE'}
  planned[drop[2] .. drop[3]] = {'hash', 'HSET', 'HDEL', 'UNLINK'}
end
planned[changes] = {'stream', 'XADD'}
local usual = {HSET = {'f', 'v'}, HDEL = {'f'}, UNLINK = {}, ZADD = {'0', 'm'}, ZREM = {'m'}, XADD = {'*', 'f', 'v'}}
usual.ZRANGEBYSCORE = {'-inf', '0'}
for key, plan in pairs(planned) do
  refusal = wrong_type(key, plan[1])
  if refusal then return refusal end
  for position = 2, #plan do
    local command = plan[position]
    if not redis.acl_check_cmd(command, key, unpack(usual[command])) then
      return redis.error_reply('NOPERM this user may not use ' .. command .. ' on ' .. key)
    end
  end
end

-- Compute all counts after the batch before any is written.
local counted, compressed = {}, {}
local function count(key, names, deltas)
  local is_compressed = redis.pcall('HEXISTS', key, 'z')
  if type(is_compressed) == 'table' then return wrong_type(key, 'hash') or redis.error_reply(is_compressed.err) end
  if is_compressed == 1 then
    compressed[#compressed + 1] = key
    return
  end
  for first = 1, #names, MANY do
    local fields = {unpack(names, first, math.min(first + MANY - 1, #names))}
    local before, sets, gone = redis.pcall('HMGET', key, unpack(fields)), {}, {}
    if before.err then return wrong_type(key, 'hash') or redis.error_reply(before.err) end
    for position, text in ipairs(before) do
      local field = fields[position]
      if text and not text:match('^%-?%d+$') then return {-1, key .. ' ' .. field .. ' does not hold a count'} end
      local number = tonumber(text or 0) + deltas[first + position - 1]
      if number < 0 or number > LARGEST then return {-1, string.format('%s %s would be %.0f', key, field, number)} end
      if number == 0 then
        gone[#gone + 1] = field
      else
        sets[#sets + 1] = field
        sets[#sets + 1] = string.format('%.0f', number)
      end
    end
    counted[#counted + 1] = {key, fields, before, sets, gone}
  end
end
for _, group in ipairs(change.panes) do
  for _, member in ipairs(group[2]) do
    refusal = count(group[1] .. member[1], member[2], member[3])
    if refusal then return refusal end
  end
end
if #compressed > 0 then return {2, unpack(compressed, 1, MANY)} end

local undo = {}
local function on_failure(act) undo[#undo + 1] = act end
local function put_back(key, fields, before)
  for position, field in ipairs(fields) do
    redis.call('HDEL', key, field)
    if before[position] then redis.call('HSET', key, field, before[position]) end
  end
end

-- Changes a hash's fields in chunks. `list` holds fields, or with `step` 2 alternating fields and values.
local function change_hash(command, key, list, step)
  for first = 1, #list, MANY do
    local last, fields = math.min(first + MANY - 1, #list), {}
    for position = first, last, step do fields[#fields + 1] = list[position] end
    local before = redis.call('HMGET', key, unpack(fields))
    redis.call(command, key, unpack(list, first, last))
    on_failure(function() put_back(key, fields, before) end)
  end
end

local function write()
  local id = redis.call('XADD', changes, 'MAXLEN', '~', 256, '*', 'from', expected, 'to', after, 'touched', change.touched)
  on_failure(function() redis.call('XDEL', changes, id) end)
  for _, part in ipairs(counted) do
    local key, fields, before, sets, gone = unpack(part)
    on_failure(function() put_back(key, fields, before) end)
    if #sets > 0 then redis.call('HSET', key, unpack(sets)) end
    if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
  end
  for _, entry in ipairs(change.index) do
    if redis.call('ZADD', entry[1], entry[2], entry[2]) == 1 then
      on_failure(function() redis.call('ZREM', entry[1], entry[2]) end)
    end
  end
  change_hash('HSET', timelines, change.timelines, 2)
  change_hash('HSET', open, change.open, 2)
  change_hash('HSET', feeds, change.feeds, 2)
  change_hash('HDEL', open, change.closed, 1)
  redis.call('HSET', control, 'applied_offset', after)
end

local is_written, failure = pcall(write)
if not is_written then
  for position = #undo, 1, -1 do pcall(undo[position]) end
  return redis.error_reply(type(failure) == 'table' and failure.err or failure)
end

-- Drop panes that are no longer kept, oldest first. Nobody reads them any more, and later batches drop the rest.
for _, drop in ipairs(change.drop) do
  local index, prefix, before = drop[1], drop[2], '(' .. drop[3]
  for _, block in ipairs(redis.pcall('ZRANGEBYSCORE', index, '-inf', before, 'LIMIT', 0, 2000)) do
    local kinds = {}
    for position, kind in ipairs(change.kinds) do kinds[position] = prefix .. block .. ':' .. kind end
    redis.pcall('UNLINK', unpack(kinds))
    redis.pcall('ZREM', index, block)
  end
end
return {1, after}
