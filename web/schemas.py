"""The shapes of what the API takes and gives, as JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any

from web.state import Phase
from wire.missing import DAYS_MAX
from wire.outcomes import PROBLEMS, Outcome
from wire.refusals import Refusal
from wire.states import ScanMode, ScanState

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
COUNT_OR_NULL: Schema = {"type": ["integer", "null"]}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
OUTCOME_OF_PROBLEM: Schema = {"type": "string", "enum": [o.value for o in PROBLEMS]}


def whole_number(low: int, high: int, default: int) -> Schema:
    """A whole number from `low` to `high`."""
    return {"type": "integer", "minimum": low, "maximum": high, "default": default}


def _object(**properties: Schema) -> Schema:
    """An object that has all of `properties` and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_SCAN: dict[str, Schema] = {
    "id": TEXT,
    "root_id": TEXT,
    "root": TEXT,
    "folder": TEXT,
    "mode": {"type": "string", "enum": [m.value for m in ScanMode]},
    "state": {"type": "string", "enum": [s.value for s in ScanState]},
    "reason": TEXT,
    "requested_by": TEXT,
    "requested_at": TIME_OR_NULL,
    "started_at": TIME_OR_NULL,
    "discovered_at": TIME_OR_NULL,
    "finished_at": TIME_OR_NULL,
    "updated_at": TIME_OR_NULL,
    "waited_seconds": NUMBER_OR_NULL,
    "duration_seconds": NUMBER_OR_NULL,
    "files_found": COUNT,
    "folders_found": COUNT,
    "other_files": COUNT,
    "bytes_read": COUNT,
    "counts": _object(files_found=COUNT, **{outcome.value: COUNT for outcome in Outcome}),
    "problems": COUNT,
    "known_problems": COUNT,
    "mark_anyway": {"type": "boolean"},
    "would_mark": COUNT,
    "formats": {"type": "object", "additionalProperties": COUNT},
    "stages": _list_of(_object(stage=TEXT, done=COUNT, total=COUNT, waiting=COUNT, failed=COUNT)),
    "reasons": _list_of(_object(outcome=TEXT, error_class=TEXT, files=COUNT)),
}

_ARTIST = _object(id=COUNT, name=TEXT, sort_name=TEXT, mbid=TEXT, albums=COUNT, tracks=COUNT)
_ALBUM = _object(
    id=COUNT,
    title=TEXT,
    artist=TEXT,
    date=TEXT,
    label=TEXT,
    mbid=TEXT,
    compilation=FLAG,
    tracks=COUNT,
    duration_seconds=NUMBER,
)
_TRACK = _object(
    file_id=COUNT,
    path=TEXT,
    root=TEXT,
    title=TEXT,
    artist=TEXT,
    album=TEXT,
    album_id=COUNT_OR_NULL,
    disc_number=COUNT_OR_NULL,
    track_number=COUNT_OR_NULL,
    duration_seconds=NUMBER_OR_NULL,
    format=TEXT,
    has_tags=FLAG,
    outcome=TEXT,
    error_class=TEXT,
    message=TEXT,
    scan_id=TEXT,
    missing_since=TIME_OR_NULL,
)


def _rows_of(item: Schema) -> Schema:
    return _object(total=COUNT, rows=_list_of(item))


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


_WORKER = _object(
    name=TEXT,
    silent=FLAG,
    version=TEXT,
    pid=COUNT,
    queues=_list_of(TEXT),
    processes=COUNT,
    processes_max=COUNT,
    busy=COUNT,
    rss_bytes=COUNT,
    cpu_percent=NUMBER,
    tasks_done=COUNT,
    started_at=TIME_OR_NULL,
)

_REFUSED = _object(
    at=TIME_OR_NULL,
    source=TEXT,
    reason={"type": "string", "enum": [kind.value for kind in Refusal]},
    detail=TEXT,
    size_bytes=COUNT,
)

SCHEMAS: dict[str, Schema] = {
    "Error": _object(error=_object(code=TEXT, message=TEXT)),
    "Health": _object(status={"const": "ok"}),
    "Readiness": _object(status={"enum": ["ready", "not ready"]}, reasons=_list_of(TEXT)),
    "ScanRequest": {
        "type": "object",
        "properties": {
            "mode": {"type": "string", "enum": [m.value for m in ScanMode]},
            "mark_anyway": {
                "type": "boolean",
                "description": "Mark missing files even when suspiciously many are gone.",
            },
            "root": {
                "type": ["string", "null"],
                "description": "Id of a music folder, or an absolute path inside of one; "
                "left out: all music folders.",
            },
        },
        "required": ["mode"],
    },
    "Scan": _object(**_SCAN),
    "StartedScan": _object(**_SCAN, scans=_list_of(_ref("Scan"))),
    "Scans": _object(scans=_list_of(_ref("Scan"))),
    "Problems": _object(
        total=COUNT,
        offset=COUNT,
        problems=_list_of(
            _object(
                id=COUNT,
                path=TEXT,
                outcome=TEXT,
                error_class=TEXT,
                message=TEXT,
                size_bytes=COUNT,
                at=TIME_OR_NULL,
            )
        ),
    ),
    "Artist": _ARTIST,
    "Album": _ALBUM,
    "Track": _TRACK,
    "Library": _object(
        at=TIME_OR_NULL,
        artists=COUNT,
        albums=COUNT,
        genres=COUNT,
        tracks=COUNT,
        files=COUNT,
        missing=COUNT,
        problems=COUNT,
        duration_seconds=NUMBER,
        size_bytes=COUNT,
        recent=_list_of(_ref("Album")),
    ),
    "LibraryFound": _object(
        q=TEXT,
        kind={"type": ["string", "null"]},
        offset=COUNT,
        artists=_or_null(_rows_of(_ref("Artist"))),
        albums=_or_null(_rows_of(_ref("Album"))),
        tracks=_or_null(_rows_of(_ref("Track"))),
    ),
    "LibraryAlbum": _object(
        album=_ref("Album"), artists=_list_of(_ref("Artist")), tracks=_rows_of(_ref("Track"))
    ),
    "LibraryArtist": _object(
        artist=_ref("Artist"), albums=_rows_of(_ref("Album")), tracks=_rows_of(_ref("Track"))
    ),
    "Missing": _object(
        root={"type": ["string", "null"]},
        older_than_days=COUNT,
        files=COUNT,
        tracks=COUNT,
        albums=COUNT,
        artists=COUNT,
        size_bytes=COUNT,
        oldest=TIME_OR_NULL,
        newest=TIME_OR_NULL,
        scanned=TEXT,
        first=_list_of(_object(path=TEXT, root=TEXT, missing_since=TIME_OR_NULL, size_bytes=COUNT)),
    ),
    "PurgeRequest": {
        "type": "object",
        "properties": {
            "root": {
                "type": ["string", "null"],
                "description": "Id of a music folder; left out: all.",
            },
            "older_than_days": {"type": "integer", "minimum": 0, "maximum": DAYS_MAX},
            "expected": {
                "type": "integer",
                "minimum": 0,
                "description": "How many files listMissing said there are.",
            },
        },
        "required": ["expected"],
    },
    "Status": _object(
        phase={"type": "string", "enum": [phase.value for phase in Phase]},
        at=TIME_OR_NULL,
        redis=_object(ok=FLAG, error=TEXT, fresh_at=TIME_OR_NULL),
        catalog=_object(ok=FLAG, error=TEXT),
        workers=_list_of(_WORKER),
        queues=_list_of(_object(name=TEXT, waiting=COUNT_OR_NULL, consumers=COUNT)),
        in_flight=COUNT_OR_NULL,
        refused_messages=_object(count=COUNT, last=_or_null(_REFUSED)),
        roots=_list_of(
            _object(
                id=TEXT,
                path=TEXT,
                readable=FLAG,
                message=TEXT,
                entries=COUNT,
                known_files=COUNT,
                missing_files=COUNT,
                checked_at=TIME_OR_NULL,
            )
        ),
        active_scans=_list_of(_ref("Scan")),
        files_per_second=NUMBER_OR_NULL,
        eta_seconds=NUMBER_OR_NULL,
    ),
}
