"""Which addresses this installation may be sent to by a client: webhooks, URL ingest. Guards against request forgery.

`check` is for the moment a URL is given; whoever connects must check again the very address connected to (`allowed`),
for a name may resolve differently the next time.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = (None, 80, 443, 8080, 8443)

# What `is_global` lets through or judges differently from release to release of Python
NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "64:ff9b::/96",  # NAT64: an IPv4 address in disguise
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    )
)


class ForbiddenAddress(ValueError):
    """The URL leads, or may lead, where clients must not send us. The sentence says what to change."""


def allowed(address: Address, allow: tuple[str, ...]) -> bool:
    """Whether to connect to it: public, or inside a network that the operator allows."""
    if in_allowed(address, allow):
        return True
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return allowed(address.ipv4_mapped, allow)
    if any(address.version == network.version and address in network for network in NEVER):
        return False
    return address.is_global and not address.is_multicast


def in_allowed(address: Address, allow: tuple[str, ...]) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    networks = (ipaddress.ip_network(network, strict=False) for network in allow)
    return any(address.version == network.version and address in network for network in networks)


def check(url: str, allow: tuple[str, ...]) -> None:
    """Raises ForbiddenAddress. A name that does not resolve now passes: the connection will tell."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ForbiddenAddress("The URL cannot be read. Give a full https:// address.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ForbiddenAddress("The URL must start with https://.")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenAddress("The URL must not contain a user name or password.")
    addresses = resolve(parts.hostname, port or 443)
    inside = bool(addresses) and all(in_allowed(address, allow) for address in addresses)
    if inside:
        return
    if any(not allowed(address, allow) for address in addresses):
        raise ForbiddenAddress("The URL leads to a private or reserved address. Give one that is publicly reachable.")
    if parts.scheme == "http":
        raise ForbiddenAddress("The URL must start with https://.")
    if port not in PORTS:
        raise ForbiddenAddress("The URL must use the usual port of https.")


def resolve(host: str, port: int) -> list[Address]:
    """Every address of the host, in the resolver's own reading of odd forms (decimal, octal); none if unknown."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
