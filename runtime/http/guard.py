"""The guard for addresses that a tenant gives: our services never call into the private network for a tenant.

Promises: only http(s) to public addresses, or to networks of `RELEVO_TENANTS_PRIVATE_NETWORKS`. The address that
was checked is the one that is connected to (the check sits in the resolver of the connection), so that a name that
resolves to something else a moment later does not pass. Leaves to the client session: not following redirects, not
using proxies.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from runtime.http.names import PooledResolver
from runtime.settings.area import Network

Address = IPv4Address | IPv6Address

# Ways by which an IPv6 address names an IPv4 one; the embedded address must pass too.
_NAT64 = ip_network("64:ff9b::/96")
_NAT64_LOCAL = ip_network("64:ff9b:1::/48")
_COMPATIBLE = ip_network("::/96")
# Of protocols (a cloud's metadata at 192.0.0.192); older Pythons take all but eight addresses of it for public.
_PROTOCOLS = ip_network("192.0.0.0/24")


class AddressRefused(Exception):
    """An address that a tenant gave must not be called; says which and why."""


class Guard:
    """Which addresses may be called."""

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def refusal(self, address: Address) -> str | None:
        """Why the address must not be called, or None when it may. Pure."""
        if any(address.version == network.version and address in network for network in self._allowed):
            return None
        embedded = _embedded(address)
        if embedded is not None:
            return self.refusal(embedded)
        if address.version == 4 and address in _PROTOCOLS:
            return "is not a public address"
        if address.is_multicast:
            return "is a multicast address"
        # is_global is false for private, loopback, link-local (also cloud metadata), carrier NAT, reserved, unspecified
        return None if address.is_global and not address.is_reserved else "is not a public address"

    def check(self, host: str, address: str) -> None:
        """Raises `AddressRefused` unless the address (text) that `host` resolved to may be called."""
        why = self.refusal(ip_address(address.partition("%")[0]))
        if why:
            shown = host if host == address else f"{host} ({address})"
            raise AddressRefused(f"{shown} {why}")


def _embedded(address: Address) -> IPv4Address | None:
    if not isinstance(address, IPv6Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    inside = any(address in network for network in (_NAT64, _COMPATIBLE) if isinstance(network, IPv6Network))
    return low if inside and int(low) > 1 else None


class GuardedResolver(AbstractResolver):
    """A resolver for `aiohttp.TCPConnector` that gives only addresses that may be called.

    One refused address refuses the name: a name with a public and a private address is an attempt.
    """

    def __init__(self, guard: Guard, inner: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._inner = inner or PooledResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = await self._inner.resolve(host, port, family)
        for result in results:
            self._guard.check(host, result["host"])
        return results

    async def close(self) -> None:
        await self._inner.close()


def check_url(url: str, guard: Guard, *, https_only: bool = False) -> URL:
    """The address, checked as far as its text tells: scheme, no user part, a literal IP that may be called.

    Must be asked before each call, since a literal IP needs no resolver and would pass it by. Raises
    `AddressRefused`.
    """
    try:
        parsed = URL(url)
        port = parsed.port
    except ValueError:
        raise AddressRefused("not a URL") from None
    if parsed.scheme not in (("https",) if https_only else ("https", "http")) or not parsed.host:
        raise AddressRefused("needs the form " + ("https://host/…" if https_only else "http(s)://host/…"))
    if parsed.user is not None or parsed.password is not None:
        raise AddressRefused("must not carry a user name or password")
    if port == 0:
        raise AddressRefused("has port 0")
    _check_literal(parsed.host, guard)
    return parsed


def _check_literal(host: str, guard: Guard) -> None:
    try:
        # also reads forms such as 0x7f.1 and 2130706433, as the system's resolver does
        address = str(ip_address(host)) if ":" in host else socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return  # a name: the resolver decides when it is connected to
    guard.check(host, address)
