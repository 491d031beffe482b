"""Lua scripts that more than one room runs: the changes that must be atomic in Redis."""

from __future__ import annotations

from wire.events import Scan, ScanChanged, dump, encode
from wire.keys import EVENTS_LENGTH, PROBLEMS_SCANS_KEPT, SCANS_KEPT, Keys

#: Publish a scan unless a newer revision is there.  Returns 1 when it was published.
#: KEYS: scan hash, scans, active, events.
#: ARGV: revision, doc, scan id, requested_at, root id, "1" if final, scans kept, events kept,
#:       then the fields of the stream entry.
PUBLISH_SCAN = f"""
local known = tonumber(redis.call('HGET', KEYS[1], 'revision') or '-1')
if tonumber(ARGV[1]) < known then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'doc', ARGV[2])
local base = string.sub(KEYS[1], 1, -1 - string.len(ARGV[3]))
if redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3]) == 1 then
  for _, id in ipairs(redis.call('ZREVRANGE', KEYS[2], {PROBLEMS_SCANS_KEPT}, -1)) do
    redis.call('DEL', base .. id .. ':problems')
  end
end
if ARGV[6] == '1' then
  if redis.call('HGET', KEYS[3], ARGV[5]) == ARGV[3] then redis.call('HDEL', KEYS[3], ARGV[5]) end
else
  redis.call('HSET', KEYS[3], ARGV[5], ARGV[3])
end
local excess = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[7])
if excess > 0 then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, excess - 1)) do
    redis.call('DEL', base .. id, base .. id .. ':problems', base .. id .. ':control')
  end
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, excess - 1)
end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[8], '*', unpack(ARGV, 9))
return 1
"""

#: Take a root for a new scan.  Returns the id of the scan that has it: ours, or the running one.
#: KEYS: active.  ARGV: root id, scan id.
TAKE_ROOT = """
local running = redis.call('HGET', KEYS[1], ARGV[1])
if running then return running end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ARGV[2]
"""

#: Add what a process has counted since its last flush.  Returns how many fields were refused
#: because their hash is full, -1 when this flush was there already.
#: KEYS: flushed, hosts, recent, recent tasks, then one hash for each change.
#: ARGV: sequence number, host, JSON of changes, JSON of records, fields of a hash at most,
#: records at most, TTLs of flushed, of a host and of records.
#: A change is [TTL or 0, {field: add}, {field: [maximum, who]}, {field: text}]; a record is
#: [task id, order, at, JSON].
RECORD_METRICS = """
local last = redis.call('GET', KEYS[1])
if last and tonumber(last) >= tonumber(ARGV[1]) then return -1 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[7])
local refused = 0
local function admits(key, full, field)
  if not full or redis.call('HEXISTS', key, field) == 1 then return true end
  refused = refused + 1
  return false
end
for i, change in ipairs(cjson.decode(ARGV[3])) do
  local key, ttl, adds, maxima, texts = KEYS[i + 4], unpack(change)
  local full = redis.call('HLEN', key) >= tonumber(ARGV[5])
  for field, n in pairs(adds) do
    if admits(key, full, field) then
      redis.pcall('HINCRBY', key, field, string.format('%.0f', n))
    end
  end
  for field, found in pairs(maxima) do
    local known = tonumber(redis.call('HGET', key, field) or '-1') or -1
    if found[1] > known and admits(key, full, field) then
      redis.call('HSET', key, field, string.format('%.0f', found[1]))
      if found[2] ~= '' then
        redis.call('HSET', key, 'who' .. string.sub(field, 4), found[2])
      end
    end
  end
  for field, text in pairs(texts) do
    if admits(key, full, field) then redis.call('HSET', key, field, text) end
  end
  if ttl > 0 then redis.call('EXPIRE', key, ttl) end
end
local now = redis.call('TIME')[1]
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], 0, now - ARGV[8])
local records = cjson.decode(ARGV[4])
for _, record in ipairs(records) do
  local id, order, at, text = unpack(record)
  local known = redis.call('HGET', KEYS[4], id)
  if not known or tonumber(string.match(known, '^%d+') or '0') <= order then
    redis.call('HSET', KEYS[4], id, order .. ' ' .. text)
    redis.call('ZADD', KEYS[3], at, id)
  end
end
if #records > 0 then
  local excess = redis.call('ZCARD', KEYS[3]) - ARGV[6]
  for _, id in ipairs(excess > 0 and redis.call('ZRANGE', KEYS[3], 0, excess - 1) or {}) do
    redis.call('ZREM', KEYS[3], id)
    redis.call('HDEL', KEYS[4], id)
  end
  redis.call('EXPIRE', KEYS[3], ARGV[9])
  redis.call('EXPIRE', KEYS[4], ARGV[9])
end
return refused
"""


def publish_arguments(keys: Keys, scan: Scan) -> tuple[list[str], list[str | float]]:
    """KEYS and ARGV of `PUBLISH_SCAN` for a scan."""
    arguments = [
        scan.revision,
        dump(scan),
        scan.id,
        scan.requested_at,
        scan.root_id,
        "1" if scan.is_final else "0",
        SCANS_KEPT,
        EVENTS_LENGTH,
        *(text for pair in encode(ScanChanged(scan)).items() for text in pair),
    ]
    return [keys.scan(scan.id), keys.scans, keys.active, keys.events], arguments


#: Change the size limits unless somebody else has changed them meanwhile: 1 when it was done.
#: KEYS: size limits, activity.
#: ARGV: the JSON that was known ("" = none), the new one ("" = none), entries of activity kept,
#:       then the fields of its entry.
CHANGE_LIMITS = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
return 1
"""
