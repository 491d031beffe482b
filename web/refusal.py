"""The one exception for a request that cannot have what it asks for."""

from __future__ import annotations


class RefusedError(Exception):
    """Not done, and why: `status` of HTTP, `code` for programs, `message` for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
