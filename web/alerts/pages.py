"""The page of alerts and its forms: seen, silenced, tested.  They need no JavaScript."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.alerts.board import SILENCES_SECONDS
from web.operations import number_in
from web.pages import ACTOR, form_of
from web.preferences import page_response
from web.refusal import RefusedError
from web.services import services
from web.visitor import visitor_in
from wire.alerts import AlertState


async def alerts(request: Request) -> Response:
    """`GET /alerts`: what fires, what is about to, what is over, and the rules."""
    parts = services(request)
    watch = parts.alerts
    board = await watch.board()
    settings = watch.file.refresh()
    return page_response(
        request,
        "alerts.html",
        parts.hub.state(),
        board=board,
        firing=board.of(AlertState.FIRING),
        pending=board.of(AlertState.PENDING),
        resolved=board.of(AlertState.RESOLVED),
        rules=settings.rules,
        services=sorted({address.partition("://")[0] for address in settings.notify}),
        file=watch.file.path,
        file_error=watch.file.error,
        told_error=watch.told_error,
        silences_seconds=SILENCES_SECONDS,
        tested=request.query_params.get("tested", ""),
    )


async def acknowledge(request: Request) -> Response:
    """`POST /alerts/acknowledge`: field `id`."""
    await acknowledge_as(request, (await form_of(request)).get("id", ""))
    return RedirectResponse("/alerts", 303)


async def silence(request: Request) -> Response:
    """`POST /alerts/silence`: fields `id` (of an alert, or the name of a rule), `seconds`."""
    form = await form_of(request)
    await silence_as(request, form.get("id", ""), form.get("seconds", ""))
    return RedirectResponse("/alerts", 303)


async def unsilence(request: Request) -> Response:
    """`POST /alerts/unsilence`: field `id`."""
    await unsilence_as(request, (await form_of(request)).get("id", ""))
    return RedirectResponse("/alerts", 303)


async def test(request: Request) -> Response:
    """`POST /alerts/test`: send a test to everybody who is told of alerts."""
    error = await test_as(request)
    return RedirectResponse("/alerts?tested=" + ("failed" if error else "sent"), 303)


async def acknowledge_as(request: Request, alert_id: str) -> None:
    """Note that whoever sends `request` has seen an alert.  Raises RefusedError."""
    watch = services(request).alerts
    await watch.boards.acknowledge(alert_id, _name(request))
    await _record(request, "alert.acknowledged", alert_id)


async def silence_as(request: Request, key: str, seconds: object) -> None:
    """Silence an alert or a rule in the name of whoever sends `request`.  Raises RefusedError."""
    watch = services(request).alerts
    rules = [rule.name for rule in watch.file.refresh().rules]
    span = number_in(seconds, "seconds", low=60, high=SILENCES_SECONDS[-1])
    await watch.boards.silence(key, span, _name(request), rules)
    await _record(request, "alert.silenced", key)


async def unsilence_as(request: Request, key: str) -> None:
    """End a silence.  Raises RefusedError."""
    await services(request).alerts.boards.unsilence(key)
    await _record(request, "alert.unsilenced", key)


async def test_as(request: Request) -> str:
    """Send a test; why it failed, "" when it did not.  Raises RefusedError."""
    watch = services(request).alerts
    if not watch.file.refresh().notify:
        raise RefusedError(409, "nobody_to_tell", "The file of rules names nobody to tell.")
    error = await watch.test()
    await _record(request, "alert.tested", error)
    return error


def _name(request: Request) -> str:
    visitor = visitor_in(request.scope)
    return visitor.device or visitor.named(ACTOR)


async def _record(request: Request, action: str, target: str) -> None:
    """Write what was done to the list of activity, and show what changed."""
    watch = services(request).alerts
    await watch.boards.record(action, target)
    await watch.board()
