"""Whether a URL may carry secrets: https anywhere, http on loopback only."""

from ipaddress import ip_address

import httpx


def is_safe(url: httpx.URL) -> bool:
    return url.scheme in ("https", "wss") or is_loopback(url.host)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
