"""Telling people: `python -m web.alerts.notify` hands one message to apprise.

It runs as a process of its own, for as long as it takes: apprise costs 20 MB, the page does not
need it, and a service that hangs hangs here.  The addresses come by standard input: a command
line can be read by every user of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: plain text; `kind` is `failure`, `warning`, `info` or `success`."""

    title: str
    body: str
    kind: str = "info"


async def tell(addresses: Sequence[str], message: Message) -> str:
    """Send `message` to all `addresses`; why it failed, "" when it did not.

    The reason names services, never addresses: these hold passwords.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "web.alerts.notify",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    order = {
        "addresses": list(addresses),
        "title": message.title,
        "body": message.body,
        "kind": message.kind,
    }
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            answer, _ = await process.communicate(json.dumps(order).encode())
    except TimeoutError:
        return f"no answer within {DEADLINE_SECONDS:.0f} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return answer.decode("utf-8", "replace").strip() if process.returncode else ""


def main() -> int:
    """Send what standard input says; 0 when everything was taken, else say what was not."""
    import apprise

    order = json.load(sys.stdin)
    failed = []
    for address in order["addresses"]:
        service = apprise.Apprise()
        name = address.partition("://")[0]
        taken = service.add(address) and service.notify(
            title=order["title"],
            body=order["body"],
            notify_type=apprise.NotifyType(order["kind"]),
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not taken:
            failed.append(name)
    if failed:
        sys.stdout.write(f"not taken by: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
