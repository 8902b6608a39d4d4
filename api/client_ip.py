"""Finds the client's IP address. `X-Forwarded-For` counts only where a trusted proxy sent it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from litestar.types import Scope


def resolve_client_ip(scope: Scope, trusted_proxies: tuple[str, ...]) -> str:
    """Return the nearest address that is not a trusted proxy. Hops are read backwards: each proxy appends one."""
    client = scope.get("client")
    address = client[0] if client else "unknown"
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    hops = [hop.strip() for value in forwarded for hop in value.split(",") if hop.strip()]
    while hops and is_in_networks(address, trusted_proxies):
        address = hops.pop()
    return address[:64]


def resolve_client_network(address: str) -> str:
    """Return what limits are counted by: an IPv4 address itself, and the /64 that a host of IPv6 has to itself.

    A client with one IPv6 network has 2**64 addresses of it, and would otherwise have as many limits.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))


def is_in_networks(address: str, networks: tuple[str, ...]) -> bool:
    """Tell whether the address lies in one of the networks (CIDR). Text that is not an address lies in none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _parse_networks(networks))


@lru_cache(maxsize=16)
def _parse_networks(networks: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(network, strict=False) for network in networks)
