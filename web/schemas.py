"""The shapes of what the API takes and gives, as JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any

from web.state import Phase
from wire.missing import DAYS_MAX
from wire.outcomes import PROBLEMS, Outcome
from wire.refusals import Refusal
from wire.roots import ROOT_ID
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

#: A text that is empty: all music folders.
ROOT_ID_OR_ALL: Schema = {"type": "string", "pattern": f"^({ROOT_ID})?$"}


def whole_number(low: int, high: int, default: int) -> Schema:
    """A whole number from `low` to `high`."""
    return {"type": "integer", "minimum": low, "maximum": high, "default": default}


def object_of(**properties: Schema) -> Schema:
    """An object that has all of `properties` and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of(item: Schema) -> Schema:
    """An array of such items."""
    return {"type": "array", "items": item}


def ref(name: str) -> Schema:
    """The schema of that name."""
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
    "files_per_second": NUMBER_OR_NULL,
    "files_found": COUNT,
    "folders_found": COUNT,
    "other_files": COUNT,
    "bytes_read": COUNT,
    "counts": object_of(files_found=COUNT, **{outcome.value: COUNT for outcome in Outcome}),
    "problems": COUNT,
    "known_problems": COUNT,
    "mark_anyway": {"type": "boolean"},
    "would_mark": COUNT,
    "formats": {"type": "object", "additionalProperties": COUNT},
    "stages": list_of(object_of(stage=TEXT, done=COUNT, total=COUNT, waiting=COUNT, failed=COUNT)),
    "reasons": list_of(object_of(outcome=TEXT, error_class=TEXT, files=COUNT)),
}

_ARTIST = object_of(id=COUNT, name=TEXT, sort_name=TEXT, mbid=TEXT, albums=COUNT, tracks=COUNT)
_ALBUM = object_of(
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
_TRACK = object_of(
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
    return object_of(total=COUNT, rows=list_of(item))


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


_WORKER = object_of(
    name=TEXT,
    silent=FLAG,
    version=TEXT,
    pid=COUNT,
    queues=list_of(TEXT),
    processes=COUNT,
    processes_max=COUNT,
    busy=COUNT,
    rss_bytes=COUNT,
    cpu_percent=NUMBER,
    tasks_done=COUNT,
    started_at=TIME_OR_NULL,
)

_REFUSED = object_of(
    at=TIME_OR_NULL,
    source=TEXT,
    reason={"type": "string", "enum": [kind.value for kind in Refusal]},
    detail=TEXT,
    size_bytes=COUNT,
)

SCHEMAS: dict[str, Schema] = {
    "Error": object_of(error=object_of(code=TEXT, message=TEXT)),
    "Health": object_of(status={"const": "ok"}),
    "Readiness": object_of(status={"enum": ["ready", "not ready"]}, reasons=list_of(TEXT)),
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
                "pattern": f"^({ROOT_ID}(/|$)|[/~])",
                "description": "Id of a music folder, an absolute path inside of one, or an id, a "
                "slash and a percent-encoded path; left out: all music folders.",
            },
        },
        "required": ["mode"],
    },
    "Scan": object_of(**_SCAN),
    "StartedScan": object_of(**_SCAN, scans=list_of(ref("Scan"))),
    "Scans": object_of(scans=list_of(ref("Scan"))),
    "Problems": object_of(
        total=COUNT,
        offset=COUNT,
        problems=list_of(
            object_of(
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
    "Library": object_of(
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
        recent=list_of(ref("Album")),
    ),
    "LibraryFound": object_of(
        q=TEXT,
        kind={"type": ["string", "null"]},
        offset=COUNT,
        artists=_or_null(_rows_of(ref("Artist"))),
        albums=_or_null(_rows_of(ref("Album"))),
        tracks=_or_null(_rows_of(ref("Track"))),
    ),
    "LibraryAlbum": object_of(
        album=ref("Album"), artists=list_of(ref("Artist")), tracks=_rows_of(ref("Track"))
    ),
    "LibraryArtist": object_of(
        artist=ref("Artist"), albums=_rows_of(ref("Album")), tracks=_rows_of(ref("Track"))
    ),
    "Missing": object_of(
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
        first=list_of(
            object_of(path=TEXT, root=TEXT, missing_since=TIME_OR_NULL, size_bytes=COUNT)
        ),
    ),
    "PurgeRequest": {
        "type": "object",
        "properties": {
            "root": {
                "type": ["string", "null"],
                "pattern": f"^({ROOT_ID})?$",
                "description": "Id of a music folder; left out: all.",
            },
            "older_than_days": {"type": "integer", "minimum": 0, "maximum": DAYS_MAX},
            "expected": {
                "type": "integer",
                "minimum": 0,
                "maximum": 2**53 - 1,
                "description": "How many files listMissing said there are.",
            },
        },
        "required": ["expected"],
    },
    "Status": object_of(
        phase={"type": "string", "enum": [phase.value for phase in Phase]},
        at=TIME_OR_NULL,
        redis=object_of(ok=FLAG, error=TEXT, fresh_at=TIME_OR_NULL),
        catalog=object_of(ok=FLAG, error=TEXT),
        workers=list_of(_WORKER),
        queues=list_of(object_of(name=TEXT, waiting=COUNT_OR_NULL, consumers=COUNT)),
        in_flight=COUNT_OR_NULL,
        refused_messages=object_of(count=COUNT, last=_or_null(_REFUSED)),
        roots=list_of(
            object_of(
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
        active_scans=list_of(ref("Scan")),
        files_per_second=NUMBER_OR_NULL,
        eta_seconds=NUMBER_OR_NULL,
    ),
}
