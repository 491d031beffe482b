"""Reverse proxies: what they say of a request is believed from the configured ones only.

Everything of the kind is taken out of the headers, so nothing further in can fall for it.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers
from starlette.types import Scope

from web.settings import Networks, is_within

#: Headers by which proxies, or those who pretend to be one, say who somebody is.
_SAID = frozenset(
    {
        b"forwarded",
        b"x-real-ip",
        b"x-client-ip",
        b"true-client-ip",
        b"cf-connecting-ip",
        b"remote-user",
        b"x-remote-user",
        b"x-original-url",
        b"x-rewrite-url",
        b"x-http-method-override",
        b"x-method-override",
    }
)
_HOPS_MAX = 32


def behind_proxies(scope: Scope, trusted: Networks) -> Scope:
    """`scope` with the address and scheme of the browser, as far as they can be believed."""
    headers = Headers(scope=scope)
    client = scope.get("client") or ("", 0)
    address, scheme = plain_address(client[0]), scope["scheme"]
    if is_within(address, trusted):
        address = _browser_address(headers.getlist("x-forwarded-for"), trusted) or address
        said = ",".join(headers.getlist("x-forwarded-proto")).rpartition(",")[2].strip().lower()
        scheme = said if said in ("http", "https") else scheme
    kept = [(name, value) for name, value in scope["headers"] if not _is_said(name)]
    return {**scope, "headers": kept, "client": (address, client[1]), "scheme": scheme}


def plain_address(address: str) -> str:
    """An address without the clothes of IPv6: `::ffff:192.0.2.1` is `192.0.2.1`."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def neighbourhood(address: str) -> str:
    """What counts as one address when things are counted: of IPv6 a household has 2^64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


def _is_said(name: bytes) -> bool:
    return name.startswith(b"x-forwarded-") or name in _SAID


def _browser_address(lists: list[str], trusted: Networks) -> str:
    """The last address that no trusted proxy has: what stands before it anybody can write."""
    hops = [hop.strip() for text in lists for hop in text.split(",")]
    for hop in reversed(hops[-_HOPS_MAX:]):
        address = plain_address(hop.strip("[]"))
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return ""
        if not is_within(address, trusted):
            return address
    return ""
