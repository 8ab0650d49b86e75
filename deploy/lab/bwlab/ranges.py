"""Where lab traffic may come from and go to, and how much of it there may be. Every tool that sends checks here."""

import ipaddress

# Documentation and benchmark ranges (RFC 5737, RFC 2544, RFC 3849): nothing in them is anybody's address.
ALLOWED = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32")
)
ATTACKERS_V4 = ipaddress.ip_network("198.18.0.0/15")
ATTACKERS_V6 = ipaddress.ip_network("2001:db8:a77a::/48")
# Some visitors live amid the attackers, so that no prefix tells the two apart.
NEIGHBOURS_V4 = ipaddress.ip_network("198.18.99.0/24")
NEIGHBOURS_V6 = ipaddress.ip_network("2001:db8:a77a:99::/64")

MAX_PPS = 50_000
MAX_SECONDS = 60
MAX_PACKETS = 500_000
MAX_BYTES = 512 << 20


class Refused(Exception):
    """A request over a bound or outside the allowed ranges; the text says which and what to do."""


def require_allowed(address, what):
    """address: anything ipaddress takes. Raises Refused when it is outside ALLOWED."""
    parsed = ipaddress.ip_address(address)
    if not any(parsed.version == net.version and parsed in net for net in ALLOWED):
        names = ", ".join(str(net) for net in ALLOWED)
        raise Refused(f"{what} {parsed} is outside the documentation and benchmark ranges ({names}); choose one inside")
    return parsed


def require_bounded(value, limit, what, unit):
    if not 0 < value <= limit:
        raise Refused(f"{what} {value:g} {unit} is not in (0, {limit:g}]; choose a value within")
    return value
