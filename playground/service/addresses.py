"""Where other devices in the room find this server."""

from __future__ import annotations

import ipaddress
import socket

from playground.settings import Settings, is_loopback


def server_urls(settings: Settings) -> list[str]:
    """None on loopback, where nobody else can come; asks no network."""
    port = settings.port or 7860
    if settings.space_id is not None:
        return [f"https://huggingface.co/spaces/{settings.space_id}"]
    if is_loopback(settings.host):
        return []
    if not _any_address(settings.host):
        return [_url(settings.host, port)]
    return [_url(address, port) for address in _own_addresses()]


def _any_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _own_addresses() -> list[str]:
    """The address of the interface that routes outwards. Connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737): only asks the routing table
            address = str(probe.getsockname()[0])
        except OSError:
            return []
    return [] if ipaddress.ip_address(address).is_unspecified else [address]


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
