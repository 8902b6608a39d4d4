"""Finds the client's IP address. `X-Forwarded-For` is used only if a trusted proxy sent it."""

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
    """Return the network by which rate limits count: the IPv4 address itself, or the /64 range of the IPv6 address.

    An IPv6 client usually has a complete /64 range. If each address had its own limit, the client would have 2**64
    limits.
    """
    try:
        parsed_address = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed_address, ipaddress.IPv4Address):
        return address
    if parsed_address.ipv4_mapped is not None:
        return str(parsed_address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed_address), 64), strict=False))


def is_in_networks(address: str, networks: tuple[str, ...]) -> bool:
    """Tell whether the address lies in one of the networks (CIDR). Text that is not an address lies in none."""
    try:
        parsed_address = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed_address in network for network in _parse_networks(networks))


@lru_cache(maxsize=16)
def _parse_networks(networks: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(network, strict=False) for network in networks)
