"""Addresses: who really sent a request, behind proxies of ours, and whether that address may. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from runtime.settings.area import Network

Address = IPv4Address | IPv6Address

_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[\d.]+))(?::\d{1,5})?")


def sender(peer: str, forwarded: Sequence[str], trusted_proxies: int) -> Address | None:
    """The address from which the outermost proxy of ours was called; None when it cannot be known.

    `peer` is the other end of the connection, `forwarded` the values of X-Forwarded-For in their order. Each proxy
    appends whom it was called by, so only the last entries are ours; what stands left of them anybody may have
    written. A chain that is shorter than the proxies says that one was passed by, and is believed in nothing.
    """
    chain = [entry for value in forwarded for entry in value.split(",")]
    chain.append(peer)
    return parse(chain[-1 - trusted_proxies]) if len(chain) > trusted_proxies else None


def parse(text: str) -> Address | None:
    """An address as proxies write it: also with a port, in brackets, or an IPv4 one dressed as IPv6."""
    text = text.strip()
    if match := _WITH_PORT.fullmatch(text):
        text = match["six"] or match["four"]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def allowed(address: Address | None, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of the networks."""
    return address is not None and any(address in network for network in networks)
