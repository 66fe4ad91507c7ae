"""Which addresses may be reached by what people set up: public ones, and those that the installation allows.

An IPv6 address that stands for an IPv4 address is judged as that one, whichever of the ways it is written in.
"""

import socket
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_UNICAST = IPv6Network("2000::/3")
"""All that is routed on the internet (RFC 4291, 2.4)."""
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""RFC 6052 and RFC 8215: the last 32 bits are the address. Networks without IPv4 reach everything by it."""
_CLOSED = tuple(map(IPv4Network, ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")))
"""Public by their number alone: what clouds tell their machines (Azure, Oracle), and relays of 6to4 (RFC 7526)."""


def may_reach(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether a request may go there."""
    if _is_within(address, allowed):
        return True
    faces = tuple(_embedded(address)) or (address,)
    return all(_is_public(face) or _is_within(face, allowed) for face in faces)


def literal(host: str) -> Address | None:
    """The address that `host` is, in whatever form the system takes for one: `127.1`, `0x7f000001`; None: a name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _is_within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _embedded(address: Address) -> Iterator[IPv4Address]:
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    elif address.sixtofour:
        yield address.sixtofour
    elif address in _COMPATIBLE or _is_within(address, _NAT64):
        yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    # Teredo (2001::/32) is not global to Python: nobody offers a service by it.
    is_special = address.is_multicast or address.is_reserved or _is_within(address, _CLOSED)
    return address.is_global and not is_special
