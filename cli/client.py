"""Needle's JSON API, as the terminal uses it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from cli import instance
from cli.terminal import Failure, shown
from wire.settings import SettingsError
from worker.settings import data_folder

Document = dict[str, Any]
TIMEOUT_SECONDS = 30.0
#: What is read of an answer at most: the list of problems is the longest.
ANSWER_BYTES = 64_000_000


class NoAnswerError(Failure):
    """Needle is not there, or not just now."""


class Api:
    """The API of the Needle at `url` (without a path)."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise Failure(f"{url}: an address such as http://127.0.0.1:8787 is needed")
        # A proxy for the internet knows nothing of a server on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> Document:
        """The document at `/api/v1` + `path`.  Raises NoAnswerError, Failure."""
        return self._document(self.read(path))

    def post(self, path: str, body: Document) -> Document:
        """Send `body` and give the answer.  Raises NoAnswerError, Failure."""
        return self._document(self.read(path, json.dumps(body).encode()))

    def put(self, path: str, body: Document) -> Document:
        """Put `body` in its place and give the answer.  Raises NoAnswerError, Failure."""
        return self._document(self.read(path, json.dumps(body).encode(), "PUT"))

    def delete(self, path: str) -> Document:
        """Delete what is there and give the answer.  Raises NoAnswerError, Failure."""
        return self._document(self.read(path, method="DELETE"))

    def read(self, path: str, body: bytes | None = None, method: str | None = None) -> bytes:
        """The answer as it came.  Raises NoAnswerError, Failure."""
        request = urllib.request.Request(  # noqa: S310 - http and https only, see above
            f"{self.url}/api/v1{path}",
            data=body,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return bytes(response.read(ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise Failure(_message(error)) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise NoAnswerError(f"no answer from {self.url}: {reason}") from None

    def _document(self, answer: bytes) -> Document:
        try:
            document = json.loads(answer)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Failure(f"{self.url} is no Needle: its answer is not a JSON object")
        return document


def connect(url: str | None, data: str | None) -> Api:
    """The API at `url`, else of the `needle up` that runs on the data folder.  Raises Failure."""
    if url:
        return Api(url)
    try:
        folder = Path(data).expanduser().absolute() if data else data_folder()
    except SettingsError as error:
        raise Failure(str(error)) from None
    running = instance.running(folder)
    if running is None:
        raise Failure(
            f"no Needle runs on {shown(str(folder))}: start it with `needle up`, or name one "
            "with --data or --url"
        )
    return Api(running.url)


def _message(error: urllib.error.HTTPError) -> str:
    """What the API said was wrong."""
    try:
        return str(json.loads(error.read(ANSWER_BYTES))["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError, HTTPException, RecursionError):
        return f"HTTP {error.code} {error.reason}"
