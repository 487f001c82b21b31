-- Stores the same counts of one hash in another form, completely or not at all. KEYS: control, the hash, and one that exists
-- only while this script runs.
-- ARGV: the owner's applied offset and epoch, and in MessagePack the fields that the hash has, and those that take their place
-- with their values, alternating.
-- Returns 1 if it was done, and 0 if the owner is stale or the hash has other fields. Unless it was done, nothing has changed.
--
-- The new hash is made under another name, and then takes the place of the old one. A hash that only loses fields keeps its large
-- table; a new hash does not.

local control, hash, new = unpack(KEYS)
local MANY = 1000 -- arguments in one command, an even number: Lua can pass only a few thousand

local stored = redis.call('HMGET', control, 'applied_offset', 'epoch')
if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2] then return 0 end
local fields, pairs_of_new = unpack(cmsgpack.unpack(ARGV[3]))
if redis.call('HLEN', hash) ~= #fields then return 0 end
for _, field in ipairs(fields) do
  if redis.call('HEXISTS', hash, field) == 0 then return 0 end
end

local function write()
  for first = 1, #pairs_of_new, MANY do
    redis.call('HSET', new, unpack(pairs_of_new, first, math.min(first + MANY - 1, #pairs_of_new)))
  end
  redis.call('RENAME', new, hash)
end
local is_written, failure = pcall(write)
if not is_written then
  redis.pcall('UNLINK', new)
  return redis.error_reply(type(failure) == 'table' and failure.err or failure)
end
return 1
