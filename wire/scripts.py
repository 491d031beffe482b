"""Lua scripts that more than one room runs: the two changes that must be atomic in Redis."""

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
