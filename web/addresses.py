"""Which hosts the web may fetch audio from: public addresses, and what the operator allows."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator

from web.errors import Unprocessable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressPolicy:
    """Refuses addresses of private, loopback, link-local and other special networks."""

    def __init__(self, allow: str) -> None:
        """``allow``: comma-separated host names, addresses or networks that are fine anyhow."""
        self._hosts: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for item in filter(None, (part.strip() for part in allow.split(","))):
            try:
                self._networks.append(ipaddress.ip_network(item, strict=False))
            except ValueError:
                self._hosts.add(item.lower())

    async def resolve(self, host: str, port: int) -> str:
        """An address of the host to connect to; the check is of the very address that is used.

        Raises:
            Unprocessable: the name does not resolve, or any of its addresses is not allowed.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise Unprocessable(
                f"The host {host!r} of the URL cannot be resolved: {error}"
            ) from None
        addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
        for address in addresses:
            if not self._allowed(host, address):
                raise Unprocessable(
                    f"The URL leads to {host} at {address}, which is not a public address. "
                    f"An operator can allow it in DALSTON_URL_ALLOW."
                )
        return str(addresses[0])

    def _allowed(self, host: str, address: Address) -> bool:
        if host.lower() in self._hosts or any(address in network for network in self._networks):
            return True
        return all(one.is_global and not one.is_multicast for one in _meant(address))


def _meant(address: Address) -> Iterator[Address]:
    """The address, and those that it hides (a v4 address in a v6 one)."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
