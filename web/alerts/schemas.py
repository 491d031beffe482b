"""The shapes of what the API of alerts takes and gives."""

from __future__ import annotations

from web.alerts.board import SILENCES_SECONDS
from web.schemas import FLAG, NUMBER, TEXT, TIME_OR_NULL, Schema, list_of, object_of
from wire.alerts import AlertState, Severity

TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
SEVERITY: Schema = {"type": "string", "enum": [severity.value for severity in Severity]}
ID: Schema = {"type": "string", "description": "Id of an alert."}
ID_OR_RULE: Schema = {"type": "string", "description": "Id of an alert, or name of a rule."}

SCHEMAS: dict[str, Schema] = {
    "Alerts": object_of(
        alerts=list_of(
            object_of(
                id=TEXT,
                rule=TEXT,
                measure=TEXT,
                subject=TEXT,
                severity=SEVERITY,
                state={"type": "string", "enum": [state.value for state in AlertState]},
                value=NUMBER,
                threshold=NUMBER,
                below=FLAG,
                pending_at=TIME_OR_NULL,
                fired_at=TIME_OR_NULL,
                resolved_at=TIME_OR_NULL,
                acknowledged_at=TIME_OR_NULL,
                acknowledged_by=TEXT_OR_NULL,
                silenced_until=TIME_OR_NULL,
            )
        ),
        silences=list_of(object_of(id=TEXT, until=TIME_OR_NULL, by=TEXT, at=TIME_OR_NULL)),
        told_error=TEXT_OR_NULL,
    ),
    "AlertRules": object_of(
        file=TEXT_OR_NULL,
        file_error=TEXT_OR_NULL,
        rules=list_of(
            object_of(
                name=TEXT,
                measure=TEXT,
                help=TEXT,
                unit=TEXT,
                of=TEXT,
                subject=TEXT,
                threshold=NUMBER,
                below=FLAG,
                for_seconds=NUMBER,
                severity=SEVERITY,
                enabled=FLAG,
            )
        ),
    ),
    "AlertTest": object_of(sent=FLAG, error=TEXT_OR_NULL),
    "AlertReference": {"type": "object", "properties": {"id": ID}, "required": ["id"]},
    "SilenceRequest": {
        "type": "object",
        "properties": {
            "id": ID_OR_RULE,
            "seconds": {"type": "integer", "minimum": 60, "maximum": SILENCES_SECONDS[-1]},
        },
        "required": ["id", "seconds"],
    },
}
