"""The JSON API of alerts: what fires, the rules, and what people do with them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from web.alerts.board import Board
from web.alerts.measures import MEASURES
from web.alerts.pages import acknowledge_as, silence_as, test_as, unsilence_as
from web.alerts.rules import Rule
from web.errors import ApiResponse
from web.operations import PREFIX, Operation, Parameter, json_body
from web.refusal import RefusedError
from web.services import services
from web.views import iso
from wire.alerts import Alert


async def list_alerts(request: Request) -> Response:
    """What fires, is about to, or is over."""
    return await _board(request)


async def list_rules(request: Request) -> Response:
    """The rules that hold."""
    file = services(request).alerts.file
    rules = file.refresh().rules
    return ApiResponse(
        {
            "file": file.path or None,
            "file_error": file.error or None,
            "rules": [_rule_json(rule) for rule in rules],
        }
    )


async def acknowledge_alert(request: Request) -> Response:
    """Say that somebody has seen an alert."""
    await acknowledge_as(request, _id(await json_body(request)))
    return await _board(request)


async def silence_alert(request: Request) -> Response:
    """Tell nobody for some time."""
    body = await json_body(request)
    await silence_as(request, _id(body), body.get("seconds"))
    return await _board(request)


async def unsilence_alert(request: Request) -> Response:
    """End a silence."""
    await unsilence_as(request, request.query_params.get("id", ""))
    return await _board(request)


async def test_alerts(request: Request) -> Response:
    """Send a test."""
    error = await test_as(request)
    return ApiResponse({"sent": not error, "error": error or None})


def _id(body: dict[str, Any]) -> str:
    if not isinstance(body.get("id"), str):
        raise RefusedError(422, "invalid_id", "id: the id of an alert or a rule is needed.")
    return str(body["id"])


async def _board(request: Request) -> Response:
    watch = services(request).alerts
    board = await watch.board()
    return ApiResponse(
        {
            "alerts": [_alert_json(alert, board) for alert in board.alerts],
            "silences": [
                {"id": s.id, "until": iso(s.until), "by": s.by, "at": iso(s.at)}
                for s in board.silences.values()
            ],
            "told_error": watch.told_error or None,
        }
    )


def _alert_json(alert: Alert, board: Board) -> dict[str, Any]:
    silence = board.silence_of(alert)
    return {
        "id": alert.id,
        "rule": alert.rule,
        "measure": alert.measure,
        "subject": alert.subject,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "value": alert.value,
        "threshold": alert.threshold,
        "below": alert.below,
        "pending_at": iso(alert.pending_at),
        "fired_at": iso(alert.fired_at),
        "resolved_at": iso(alert.resolved_at),
        "acknowledged_at": iso(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by or None,
        "silenced_until": iso(silence.until) if silence else None,
    }


def _rule_json(rule: Rule) -> dict[str, Any]:
    measure = MEASURES[rule.measure]
    return {
        "name": rule.name,
        "measure": rule.measure,
        "help": measure.help,
        "unit": measure.unit,
        "of": measure.of,
        "subject": rule.subject,
        "threshold": rule.threshold,
        "below": rule.below,
        "for_seconds": rule.for_seconds,
        "severity": rule.severity.value,
        "enabled": rule.enabled,
    }


_ERRORS = {404: "Error", 413: "Error", 415: "Error", 422: "Error", 503: "Error"}

OPERATIONS = (
    Operation(
        "GET",
        f"{PREFIX}/alerts",
        "listAlerts",
        "What fires, what is about to, and what was over in the last day; worst first.",
        list_alerts,
        {200: "Alerts", 503: "Error"},
    ),
    Operation(
        "GET",
        f"{PREFIX}/alerts/rules",
        "listAlertRules",
        "The rules that hold, and why the file of rules cannot be used, if it cannot.",
        list_rules,
        {200: "AlertRules", 503: "Error"},
    ),
    Operation(
        "POST",
        f"{PREFIX}/alerts/acknowledge",
        "acknowledgeAlert",
        "Say that somebody has seen an alert: it is no longer repeated. 409: it does not fire.",
        acknowledge_alert,
        {200: "Alerts", 409: "Error", **_ERRORS},
        body="AlertReference",
    ),
    Operation(
        "PUT",
        f"{PREFIX}/alerts/silences",
        "silenceAlert",
        "Tell nobody of an alert, or of all alerts of a rule, for some time.",
        silence_alert,
        {200: "Alerts", **_ERRORS},
        body="SilenceRequest",
    ),
    Operation(
        "DELETE",
        f"{PREFIX}/alerts/silences",
        "unsilenceAlert",
        "End a silence.",
        unsilence_alert,
        {200: "Alerts", 404: "Error", 503: "Error"},
        (Parameter("id", {"type": "string"}, "Id of the alert, or name of the rule."),),
    ),
    Operation(
        "POST",
        f"{PREFIX}/alerts/test",
        "testAlerts",
        "Send a test to everybody who is told of alerts. 409: the file of rules names nobody.",
        test_alerts,
        {200: "AlertTest", 409: "Error", 503: "Error"},
    ),
)
