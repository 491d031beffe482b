"""Needle's JSON API, as the terminal uses it."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli import instance
from cli.settings import read_token, read_url
from cli.terminal import Failure, shown
from web.settings import is_loopback
from web.vault import read_operator_token
from wire.settings import SettingsError, data_folder

Document = dict[str, Any]
TIMEOUT_SECONDS = 30.0
#: What is read of an answer at most: the list of problems is the longest.
ANSWER_BYTES = 64_000_000


class NoAnswerError(Failure):
    """Needle is not there, or not just now."""


class Api:
    """The API of the Needle at `url` (without a path).

    `token` is sent with every request; `certificate`, a file, is the only one that is accepted.
    """

    def __init__(self, url: str, token: str = "", certificate: str = "") -> None:
        self.url, self._token = _checked(url), token
        handlers: list[urllib.request.BaseHandler] = [_Stay()]
        # A proxy for the internet knows nothing of a server on this machine.
        handlers.append(urllib.request.ProxyHandler({}))
        if certificate:
            handlers.append(urllib.request.HTTPSHandler(context=_pinned(certificate)))
        self._opener = urllib.request.build_opener(*handlers)

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
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers |= {"Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(  # noqa: S310 - http and https only, see above
            f"{self.url}/api/v1{path}", data=body, headers=headers, method=method
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return bytes(response.read(ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise Failure(self._message(error)) from None
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

    def _message(self, error: urllib.error.HTTPError) -> str:
        """What the API said was wrong."""
        if error.code == 401:
            what = "does not accept this token" if self._token else "wants a token"
            return f"{self.url} {what}: `needle tokens create` makes one, NEEDLE_TOKEN names it"
        try:
            return str(json.loads(error.read(ANSWER_BYTES))["error"]["message"])
        except (ValueError, KeyError, TypeError, OSError, HTTPException, RecursionError):
            return f"HTTP {error.code} {error.reason}"


def connect(url: str | None, data: str | None) -> Api:
    """The API at `url`, else of the `needle up` that runs on the data folder.  Raises Failure.

    The operator token of the data folder goes to an address of this machine only.
    """
    try:
        folder = Path(data).expanduser().absolute() if data else data_folder()
        token, url = read_token(), url or ("" if data else read_url())
    except SettingsError as error:
        raise Failure(str(error)) from None
    if url:
        url = _checked(url)
        is_here = is_loopback(urlsplit(url).hostname or "")
        return Api(url, token or (read_operator_token(folder) if is_here else ""))
    running = find_instance(folder)
    return Api(running.url, read_operator_token(folder) or token, running.certificate)


def people_address(url: str | None, data: str | None) -> str:
    """Where people open the Needle that is meant; "" when only it can tell."""
    if url or (not data and read_url()):
        return ""
    running = instance.running(Path(data).expanduser().absolute() if data else data_folder())
    return running.address if running else ""


def find_instance(folder: Path) -> instance.Instance:
    """The `needle up` that runs on a data folder.  Raises Failure."""
    running = instance.running(folder)
    if running is None:
        raise Failure(
            f"no Needle runs on {shown(str(folder))}: start it with `needle up`, or name one "
            "with --data or --url"
        )
    return running


def _checked(url: str) -> str:
    """An address of a page, without a slash at its end.  Raises Failure."""
    try:
        is_good = re.fullmatch(r"https?://[^/?#@\\\s]+/?", url) and urlsplit(url).port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise Failure(f"{url!r}: an address such as http://127.0.0.1:8787 is needed")
    return url.rstrip("/")


def _pinned(certificate: str) -> ssl.SSLContext:
    """Accepts the server that has this very certificate, whatever name it is reached by."""
    try:
        context = ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise Failure(f"{certificate}: no certificate: {error.strerror or error}") from None
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the token along."""

    def redirect_request(self, *_: object) -> None:
        return None
