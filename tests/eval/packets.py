"""What the evaluation needs to know about an IP packet: its destination, protocol and ports, and how to send it elsewhere."""

import dataclasses
import ipaddress

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
# Headers that stand between an IPv6 header and its transport, apart from the authentication header (51).
_EXTENSIONS = {0, 43, 60}


@dataclasses.dataclass(frozen=True)
class Headers:
    version: int
    destination: bytes  # 4 or 16
    protocol: int
    fragment: bool  # any fragment
    ports: tuple  # (source, destination); empty without a TCP or UDP header


def parse(packet):
    if packet[0] >> 4 == 4:
        protocol, offset = packet[9], (packet[0] & 15) * 4
        word = int.from_bytes(packet[6:8], "big")
        fragment, later = word & 0x3FFF != 0, word & 0x1FFF != 0
        version, destination = 4, packet[16:20]
    else:
        version, destination = 6, packet[24:40]
        protocol, offset, fragment, later = packet[6], 40, False, False
        for _ in range(6):
            if protocol == 44 and len(packet) >= offset + 8:
                word = int.from_bytes(packet[offset + 2 : offset + 4], "big")
                fragment, later = fragment or word & 0xFFF9 != 0, word & 0xFFF8 != 0
                protocol, offset = packet[offset], offset + 8
            elif protocol in _EXTENSIONS and len(packet) >= offset + 2:
                protocol, offset = packet[offset], offset + (packet[offset + 1] + 1) * 8
            elif protocol == 51 and len(packet) >= offset + 2:
                protocol, offset = packet[offset], offset + (packet[offset + 1] + 2) * 4
            else:
                break
    ports = ()
    if protocol in (TCP, UDP) and not later and len(packet) >= offset + 4:
        ports = (int.from_bytes(packet[offset : offset + 2], "big"), int.from_bytes(packet[offset + 2 : offset + 4], "big"))
    return Headers(version, destination, protocol, fragment, ports)


def send_to(packet, destination):
    """The packet with another destination of its own family. Checksums are left as they are."""
    at = 16 if len(destination) == 4 else 24
    return packet[:at] + destination + packet[at + len(destination) :]


def text(address):
    return str(ipaddress.ip_address(address))
