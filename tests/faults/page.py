"""What somebody sees who looks at the page without JavaScript, in English."""

from __future__ import annotations

import html
import re
import urllib.request
from typing import Any

from tests.integration.stack import Stack
from tests.servers import wait_until

_BANNER = re.compile(r'<div id="banner" data-phase="(\w+)"[^>]*>(.*?)</div>', re.DOTALL)
_SCAN = re.compile(r'<section id="scan"[^>]*>(.*?)</section>', re.DOTALL)


def page(running: Stack) -> str:
    """The HTML of `GET /`."""
    request = urllib.request.Request(running.url + "/", headers={"Accept-Language": "en"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - likewise
        return str(answer.read().decode())


def banner(running: Stack) -> str:
    """What the line for the worst thing says, after the name of the page's phase."""
    found = _BANNER.search(page(running))
    assert found, "the page has no banner"
    return f"{found[1]}: {_text(found[2])}"


def scan_section(running: Stack) -> str:
    """What the section about the scan says."""
    found = _SCAN.search(page(running))
    assert found, "the page has no section for the scan"
    return _text(found[1])


def status(running: Stack) -> dict[str, Any]:
    """`GET /api/v1/status`."""
    answer: dict[str, Any] = running.get("/api/v1/status")
    return answer


def wait_for_phase(running: Stack, *phases: str, seconds: float = 30) -> dict[str, Any]:
    """The status, once its phase is one of `phases`."""
    wait_until(
        lambda: status(running)["phase"] in phases, seconds=seconds, what=f"the page says {phases}"
    )
    return status(running)


def _text(fragment: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", fragment)).split())
