"""Where this system may connect to on a user's word: webhooks and downloads. The operator's own addresses are not here.

A name is resolved once, every address it has is checked, and the connection goes to a checked address: what a second
look-up would say does not matter. Sources: the IANA special-purpose registries (RFC 6890), RFC 6052, 3056 and 4380.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import select
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What `is_global` does not refuse by itself, or not in every Python: translations of IPv4 and odd corners
DENIED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16",
        "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
PORTS = (80, 443)  # of those below 1024; above, any
CONNECT_TIMEOUT_S = 10.0


class Refused(Exception):
    """This address may not be connected to; the sentence is for the user who gave it."""


class Unknown(Refused):
    """The name has no address now. It may have one when it is used."""


class Outbound:
    """The rule of one installation: public addresses, and the networks that the operator allowed."""

    def __init__(self, allow: Iterable[str] = ()):
        self.allow: tuple[Network, ...] = tuple(ipaddress.ip_network(n, strict=False) for n in allow)

    def permits(self, address: Address) -> bool:
        address = _plain(address)
        if self.allowed(address):
            return True
        return address.is_global and not any(address in n for n in DENIED if n.version == address.version)

    def allowed(self, address: Address) -> bool:
        address = _plain(address)
        return any(address in network for network in self.allow if network.version == address.version)

    def resolve(self, host: str, port: int) -> list[Address]:
        """Every address of the name. Raises Refused unless all of them may be connected to."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unknown(f"The host {host} cannot be found. Check the address.") from None
        addresses = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
        if not addresses or not all(self.permits(address) for address in addresses):
            raise Refused(
                f"The host {host} is private or reserved, and only addresses on the public internet may be used."
            )
        if port < 1024 and port not in PORTS and not all(self.allowed(address) for address in addresses):
            raise Refused(f"Port {port} may not be used: use 80, 443, or one above 1023.")
        return addresses

    def check(self, url: str) -> SplitResult:
        """The parts of a URL that a client gave, for later use. Raises Refused with the reason.

        A name that has no address now passes: the connection will tell.
        """
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            raise Refused("That is not a valid URL. Give a full https:// address.") from None
        if parts.scheme not in ("http", "https") or not host:
            raise Refused("Give a URL that starts with https://.")
        if parts.username is not None or parts.password is not None:
            raise Refused("The URL must not hold a user name or password.")
        try:
            addresses = self.resolve(host, port or (443 if parts.scheme == "https" else 80))
        except Unknown:
            addresses = []
        if parts.scheme == "http" and not (addresses and all(self.allowed(address) for address in addresses)):
            raise Refused("Use https:// instead of http://.")
        return parts

    def connect(self, host: str, port: int, timeout: float | None = CONNECT_TIMEOUT_S) -> socket.socket:
        """A connection to a checked address of `host`. Raises Refused or OSError."""
        last: OSError | None = None
        for address in self.resolve(host, port):
            try:
                return socket.create_connection((str(address), port), timeout=timeout)
            except OSError as error:
                last = error
        raise last or OSError("no address")

    def client(self, within_s: float) -> httpx.Client:
        """An HTTP client for one exchange that ends within `within_s`, however slowly the other side trickles.

        It connects only where the rule permits, follows no redirect and reads no proxy settings.
        """
        transport = httpx.HTTPTransport(retries=0)
        transport._pool = httpcore.ConnectionPool(  # httpx has no argument for it
            ssl_context=_trust(), network_backend=_Backend(self, time.monotonic() + within_s), max_connections=1
        )
        return httpx.Client(transport=transport, timeout=within_s, follow_redirects=False, trust_env=False)

    @contextlib.contextmanager
    def proxy(self) -> Iterator[str]:
        """A local HTTP proxy that only reaches what the rule permits, for a child process that opens its own
        connections. Yields its address; redirects, second look-ups and other hosts all pass through the rule."""
        server = _Proxy(("127.0.0.1", 0), _Forward)
        server.outbound = self
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="outbound-proxy", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()


def _plain(address: Address) -> Address:
    """An IPv4 address that came as an IPv6 one (::ffff:a.b.c.d) is judged as IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@functools.cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class _Backend(httpcore.NetworkBackend):
    """httpcore's TCP connections, through the rule and up to a deadline (of `time.monotonic`)."""

    def __init__(self, outbound: Outbound, deadline: float):
        self.outbound = outbound
        self.deadline = deadline
        self.real = httpcore.SyncBackend()

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        try:
            addresses = self.outbound.resolve(host, port)
        except Refused as error:
            raise httpcore.ConnectError(str(error)) from error
        last: Exception | None = None
        for address in addresses:
            left = _left(self.deadline, httpcore.ConnectTimeout)
            try:
                made = self.real.connect_tcp(str(address), port, left, local_address, socket_options)
                return _Timed(made, self.deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError("no address")


class _Timed(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline: a time limit on each read alone would never end a trickle."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float):
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes, timeout=None):
        return self.stream.read(max_bytes, _left(self.deadline, httpcore.ReadTimeout))

    def write(self, buffer, timeout=None):
        self.stream.write(buffer, _left(self.deadline, httpcore.WriteTimeout))

    def close(self):
        self.stream.close()

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        left = _left(self.deadline, httpcore.ConnectTimeout)
        return _Timed(self.stream.start_tls(ssl_context, server_hostname, left), self.deadline)

    def get_extra_info(self, info):
        return self.stream.get_extra_info(info)


def _left(deadline: float, late: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise late("the time for this exchange is up")
    return left


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    outbound: Outbound


class _Forward(socketserver.StreamRequestHandler):
    """One connection: `CONNECT host:port`, or a request with an absolute http:// URL. Bytes are passed, not read."""

    timeout = 60
    server: _Proxy

    def handle(self) -> None:
        line = self.rfile.readline(8192).decode("latin-1")
        head: list[str] = []
        while (more := self.rfile.readline(16384)) not in (b"\r\n", b"\n", b""):
            head.append(more.decode("latin-1"))
        method, _, rest = line.partition(" ")
        target, _, version = rest.rpartition(" ")
        try:
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                far = self.server.outbound.connect(host.strip("[]"), int(port))
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                parts = urlsplit(target)
                far = self.server.outbound.connect(parts.hostname or "", parts.port or 80)
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                kept = [h for h in head if not h.lower().startswith(("proxy-", "connection:"))]
                request = f"{method} {path} {version.strip()}\r\n{''.join(kept)}Connection: close\r\n\r\n"
                far.sendall(request.encode("latin-1"))
        except (Refused, OSError, ValueError):
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with far:
            self._pass(far)

    def _pass(self, far: socket.socket) -> None:
        self.connection.setblocking(False)  # what came behind the head lies in our buffer already
        with contextlib.suppress(BlockingIOError):
            if early := self.rfile.read1(1 << 16):
                far.sendall(early)
        self.connection.setblocking(True)
        near = self.connection
        other = {near: far, far: near}
        while True:
            ready, _, _ = select.select([near, far], [], [], self.timeout)
            if not ready:
                return
            for source in ready:
                try:
                    block = source.recv(65536)
                    if not block:
                        return
                    other[source].sendall(block)
                except OSError:
                    return
