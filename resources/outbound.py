"""The outbound policy: the network addresses to which users' downloads and webhooks may connect.

A host name is resolved once, all of its addresses are checked, and the connection uses a checked address, so a later
change of the DNS record has no effect. Sources: the IANA special-purpose address registries (RFC 6890), RFC 6052, RFC
3056 and RFC 4380. Connections to services that the operator configures do not pass through this module.
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
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Networks that `is_global` accepts in some Python versions: embedded IPv4 addresses and special cases
DENIED_NETWORKS: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16",
        "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
FIRST_UNPRIVILEGED_PORT = 1024
ALLOWED_LOW_PORTS = (80, 443)  # allowed privileged ports; all unprivileged ports are allowed
CONNECT_TIMEOUT_S = 10.0
PROXY_IDLE_TIMEOUT_S = 60  # without data in either direction


class AddressRefusedError(Exception):
    """The policy refuses this address. The message is for the user who entered it."""


class UnknownHostError(AddressRefusedError):
    """The host name has no address at present."""


class OutboundPolicy:
    """Permits public addresses, and the private networks that the operator allows."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self.allowed_networks: tuple[Network, ...] = tuple(ipaddress.ip_network(text, strict=False) for text in allow)

    def is_permitted(self, address: Address) -> bool:
        """Return whether the policy permits connections to the address."""
        address = _unmap_ipv4(address)
        if self.is_allowlisted(address):
            return True
        return address.is_global and not _is_in(address, DENIED_NETWORKS)

    def is_allowlisted(self, address: Address) -> bool:
        """Return whether the address is in a network that the operator allows."""
        return _is_in(_unmap_ipv4(address), self.allowed_networks)

    def resolve(self, host: str, port: int) -> list[Address]:
        """Return all addresses of the host.

        Raises:
            UnknownHostError: if it has none.
            AddressRefusedError: if any of them, or the port, is not permitted.
        """
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise UnknownHostError(f"The host {host} cannot be found. Check the address.") from None
        addresses = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries))
        if not addresses or not all(self.is_permitted(address) for address in addresses):
            raise AddressRefusedError(
                f"The host {host} is private or reserved, and only addresses on the public internet may be used."
            )
        is_low_port = port < FIRST_UNPRIVILEGED_PORT and port not in ALLOWED_LOW_PORTS
        if is_low_port and not all(self.is_allowlisted(address) for address in addresses):
            raise AddressRefusedError(f"Port {port} may not be used: use 80, 443, or one above 1023.")
        return addresses

    def check_url(self, url: str) -> SplitResult:
        """Check a URL from a client and return its parts.

        A host name that does not resolve is accepted, because it may resolve later; the connection then checks it.

        Raises:
            AddressRefusedError: if the URL is malformed or not allowed. The message states the reason.
        """
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            raise AddressRefusedError("That is not a valid URL. Send a complete https:// URL.") from None
        if parts.scheme not in ("http", "https") or not host:
            raise AddressRefusedError("Send a URL that starts with https://.")
        if parts.username is not None or parts.password is not None:
            raise AddressRefusedError("The URL must not contain a user name or password.")
        try:
            addresses = self.resolve(host, port or (443 if parts.scheme == "https" else 80))
        except UnknownHostError:
            addresses = []
        if parts.scheme == "http" and not (addresses and all(self.is_allowlisted(address) for address in addresses)):
            raise AddressRefusedError("Use https:// instead of http://.")
        return parts

    def connect(self, host: str, port: int, timeout_s: float | None = CONNECT_TIMEOUT_S) -> socket.socket:
        """Connect to the first address of the host that accepts the connection.

        Raises:
            AddressRefusedError: if the policy refuses the host.
            OSError: if no address accepts.
        """
        last_error: OSError | None = None
        for address in self.resolve(host, port):
            try:
                return socket.create_connection((str(address), port), timeout=timeout_s)
            except OSError as error:
                last_error = error
        raise last_error or OSError("no address")

    def open_client(self, timeout_s: float) -> httpx.Client:
        """Return an HTTP client for one exchange, which ends within `timeout_s` even if the server sends slowly.

        The client connects only where the policy permits, follows no redirects and ignores proxy settings.
        """
        # By default httpx creates another transport
        transport = httpx.HTTPTransport(verify=_create_ssl_context(), retries=0)
        backend = _PolicyBackend(self, time.monotonic() + timeout_s)
        transport._pool = httpcore.ConnectionPool(  # httpx has no argument for the network backend
            ssl_context=_create_ssl_context(), network_backend=backend, max_connections=1
        )
        return httpx.Client(transport=transport, timeout=timeout_s, follow_redirects=False, trust_env=False)

    @contextlib.contextmanager
    def run_proxy(self) -> Iterator[str]:
        """Run a local HTTP proxy that connects only where the policy permits, and provide its URL.

        It is for child processes that open their own connections: redirects, repeated DNS look-ups and further hosts
        all pass through the policy.
        """
        server = _ProxyServer(("127.0.0.1", 0), _ProxyHandler)
        server.policy = self
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="outbound-proxy", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _unmap_ipv4(address: Address) -> Address:
    """Return the IPv4 address in an IPv4-mapped IPv6 address (::ffff:a.b.c.d), and any other address as it is."""
    ipv4_address = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return ipv4_address or address


@functools.cache
def _create_ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class _PolicyBackend(httpcore.NetworkBackend):
    """TCP connections of httpcore that follow the policy and end at a deadline (of `time.monotonic`)."""

    def __init__(self, policy: OutboundPolicy, deadline_s: float) -> None:
        self.policy = policy
        self.deadline_s = deadline_s
        self.backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self.policy.resolve(host, port)
        except AddressRefusedError as error:
            raise httpcore.ConnectError(str(error)) from error
        last_error: Exception | None = None
        for address in addresses:
            remaining_s = _get_remaining_s(self.deadline_s, httpcore.ConnectTimeout)
            try:
                stream = self.backend.connect_tcp(str(address), port, remaining_s, local_address, socket_options)
                return _DeadlineStream(stream, self.deadline_s)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last_error = error
        raise last_error or httpcore.ConnectError("no address")


class _DeadlineStream(httpcore.NetworkStream):
    """A connection on which every wait ends at the deadline. A timeout per read would not stop a very slow sender."""

    def __init__(self, stream: httpcore.NetworkStream, deadline_s: float) -> None:
        self.stream = stream
        self.deadline_s = deadline_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _get_remaining_s(self.deadline_s, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _get_remaining_s(self.deadline_s, httpcore.WriteTimeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        remaining_s = _get_remaining_s(self.deadline_s, httpcore.ConnectTimeout)
        return _DeadlineStream(self.stream.start_tls(ssl_context, server_hostname, remaining_s), self.deadline_s)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore declares it
        return self.stream.get_extra_info(info)


def _get_remaining_s(deadline_s: float, timeout_error: type[Exception]) -> float:
    remaining_s = deadline_s - time.monotonic()
    if remaining_s <= 0:
        raise timeout_error("the time limit of this exchange has passed")
    return remaining_s


class _ProxyServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    policy: OutboundPolicy


class _ProxyHandler(socketserver.StreamRequestHandler):
    """One connection: `CONNECT host:port`, or a request with an absolute http:// URL."""

    timeout = PROXY_IDLE_TIMEOUT_S
    server: _ProxyServer

    def handle(self) -> None:
        request_line = self.rfile.readline(8192).decode("latin-1")
        header_lines: list[str] = []
        while (line := self.rfile.readline(16384)) not in (b"\r\n", b"\n", b""):
            header_lines.append(line.decode("latin-1"))
        method, _, rest = request_line.partition(" ")
        target, _, version = rest.rpartition(" ")
        try:
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                upstream = self.server.policy.connect(host.strip("[]"), int(port))
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                parts = urlsplit(target)
                upstream = self.server.policy.connect(parts.hostname or "", parts.port or 80)
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                forwarded = [line for line in header_lines if not line.lower().startswith(("proxy-", "connection:"))]
                request = f"{method} {path} {version.strip()}\r\n{''.join(forwarded)}Connection: close\r\n\r\n"
                upstream.sendall(request.encode("latin-1"))
        except (AddressRefusedError, OSError, ValueError):
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with upstream:
            self._relay(upstream)

    def _relay(self, upstream: socket.socket) -> None:
        """Copy bytes in both directions until one side closes the connection or both are idle."""
        self.connection.setblocking(False)  # the buffered reader may hold bytes that followed the header
        with contextlib.suppress(BlockingIOError):
            if buffered := self.rfile.read1(1 << 16):
                upstream.sendall(buffered)
        self.connection.setblocking(True)
        peers = {self.connection: upstream, upstream: self.connection}
        while True:
            ready, _, _ = select.select(list(peers), [], [], self.timeout)
            if not ready:
                return
            for source in ready:
                try:
                    block = source.recv(65536)
                    if not block:
                        return
                    peers[source].sendall(block)
                except OSError:
                    return
