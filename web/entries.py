"""Stream entries as they come in: anybody who reaches Redis can write them, so none is trusted."""

from __future__ import annotations

from collections.abc import Mapping

from wire.events import Activity, Event, EventError, ScanAt, ScanChanged, decode
from wire.names import is_scan_id

#: No record of ours is nearly as large.
MAX_ENTRY_BYTES = 64 * 1024


def read_event(fields: Mapping[bytes, bytes] | None) -> Event | None:
    """The event in an entry; None when it is forged, damaged or of another version."""
    if not fields or sum(map(len, fields.values())) > MAX_ENTRY_BYTES:
        return None
    try:
        event = decode(fields)
    except EventError:
        return None
    if isinstance(event, ScanChanged) and not is_scan_id(event.scan.id):
        return None
    if isinstance(event, ScanAt) and not is_scan_id(event.scan_id):
        return None
    return event


def read_activity(fields: Mapping[bytes, bytes]) -> Activity | None:
    """Likewise, when it is an Activity."""
    event = read_event(fields)
    return event if isinstance(event, Activity) else None
