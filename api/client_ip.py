"""The address a request comes from. `X-Forwarded-For` is believed only from a trusted proxy, and only its last hop."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from litestar.types import Scope


def of(scope: Scope, trusted_proxies: tuple[str, ...]) -> str:
    """The nearest address that is no trusted proxy: what each proxy appended is read from the right."""
    client = scope.get("client")
    address = client[0] if client else "unknown"
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    hops = [hop.strip() for value in forwarded for hop in value.split(",") if hop.strip()]
    while hops and inside(address, trusted_proxies):
        address = hops.pop()
    return address[:64]


def inside(address: str, networks: tuple[str, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _parsed(networks))


@lru_cache(maxsize=16)
def _parsed(networks: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(network, strict=False) for network in networks)
