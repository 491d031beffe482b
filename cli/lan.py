"""The address of this machine as others in the local network know it."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

#: Where nobody is (RFC 5737): asked for the way there, the system says which address it would use.
_ELSEWHERE = ("192.0.2.1", 9)


def lan_address() -> str:
    """The IPv4 address of this machine in the local network, 127.0.0.1 when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(_ELSEWHERE)  # sends nothing
            return str(sock.getsockname()[0])
        except OSError:
            pass
    try:
        known = socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        known = []
    return next((a for a in known if not ipaddress.ip_address(a).is_loopback), "127.0.0.1")


def url_of(scheme: str, host: str, port: int) -> str:
    """The address of a page that listens on `host`, as programs on this machine open it."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound to
    return f"{scheme}://{f'[{here}]' if ':' in here else here}:{port}"


def address_for_people(scheme: str, host: str, port: int) -> str:
    """The address of that page, as people open it: of all addresses that in the local network."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - not bound to
        host = lan_address()
    return url_of(scheme, host, port)


def address_of(url: str) -> str:
    """Scheme, host and port of `url`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
