"""Where `needle sizes` looks: a Redis it reads itself, or the API of a running Needle."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from cli.client import Api, Document, connect
from cli.terminal import Failure
from web import messages
from web.connection import REDIS_ERRORS, cause
from web.connection import connect as connect_redis
from web.refusal import RefusedError
from web.size_views import limits_json, report_json
from web.sizes import Sizes
from web.telling import teller
from wire.keys import Keys
from wire.settings import SHARED, SettingsError, read_shared
from wire.size_text import report_lines
from wire.transport import shown_url

T = TypeVar("T")
ACTOR = "terminal"
_REDIS_URL = SHARED[0].name


class Source(Protocol):
    """Sizes and limits; each method raises Failure."""

    def report(self) -> Document:
        """As `GET /api/v1/sizes` gives it."""

    def text(self, language: str) -> str:
        """The report in lines."""

    def set_limits(self, args: int, kwargs: int) -> Document:
        """Set both limits; those in force then."""

    def undo(self) -> Document:
        """Undo the last change; the limits in force then."""

    def reset(self) -> None:
        """Measure anew."""


def source(url: str | None, data: str | None) -> Source:
    """What the options and the environment name.  Raises Failure."""
    if not (url or data) and {_REDIS_URL, _REDIS_URL + "_FILE"} & os.environ.keys():
        try:
            shared = read_shared()
        except SettingsError as error:
            raise Failure(str(error)) from None
        return RedisSizes(shared.redis_url, Keys(shared.key_prefix))
    return ApiSizes(connect(url, data))


class ApiSizes:
    """Sizes as a running Needle tells them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def report(self) -> Document:
        """See `Source`."""
        return self._api.get("/sizes")

    def text(self, language: str) -> str:
        """See `Source`."""
        return self._api.read(f"/sizes.txt?lang={language}").decode("utf-8", "replace")

    def set_limits(self, args: int, kwargs: int) -> Document:
        """See `Source`."""
        return self._api.put("/sizes/limits", {"args": args, "kwargs": kwargs})

    def undo(self) -> Document:
        """See `Source`."""
        return self._api.delete("/sizes/limits")

    def reset(self) -> None:
        """See `Source`."""
        self._api.delete("/sizes")


class RedisSizes:
    """Sizes as they lie in a Redis, for which no Needle needs to run."""

    def __init__(self, url: str, keys: Keys) -> None:
        self._url, self._keys = url, keys

    def report(self) -> Document:
        """See `Source`."""
        return report_json(self._run(Sizes.report))

    def text(self, language: str) -> str:
        """See `Source`."""
        tell = teller(messages.load(language).gettext, language)
        return "\n".join(tell(line) for line in report_lines(self._run(Sizes.report)))

    def set_limits(self, args: int, kwargs: int) -> Document:
        """See `Source`."""
        return limits_json(self._run(lambda sizes: sizes.set_limits(args, kwargs, ACTOR)))

    def undo(self) -> Document:
        """See `Source`."""
        return limits_json(self._run(lambda sizes: sizes.undo(ACTOR)))

    def reset(self) -> None:
        """See `Source`."""
        self._run(lambda sizes: sizes.reset(ACTOR))

    def _run(self, use: Callable[[Sizes], Awaitable[T]]) -> T:
        async def with_client() -> T:
            async with connect_redis(self._url) as client:
                return await use(Sizes(client, self._keys))

        try:
            return asyncio.run(with_client())
        except RefusedError as refusal:
            raise Failure(refusal.message) from None
        except REDIS_ERRORS as error:
            where = shown_url(self._url)
            raise Failure(f"Redis at {where} cannot be used: {cause(error)}") from None
        except ValueError as error:  # an address that redis-py does not understand
            raise Failure(f"{shown_url(self._url)}: {error}") from None
