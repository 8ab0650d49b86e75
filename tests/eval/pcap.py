"""Captures as IP packets, and IP packets as captures; the standard library only.

    for time_s, packet in pcap.read_ip(path): ...      # packet: bytes from the IP header on
    pcap.write_ip(path, [(0.0, packet), ...])

Reads pcap (both byte orders, micro- and nanoseconds), pcapng and either gzipped; Ethernet with VLAN tags, raw IP, Linux
cooked (both), loopback and PPP. Other link layers and what isn't IP are passed over; a capture that is cut short ends there.
"""

import gzip
import struct

ETHERNET, PPP, LINUX_SLL, LINUX_SLL2 = 1, 9, 113, 276
RAW_IP = {12, 14, 101, 228, 229}
LOOPBACK = {0, 108}
IP_TYPES = {0x0800, 0x86DD}
VLAN_TYPES = {0x8100, 0x88A8, 0x9100}


def ip_of(linktype, frame):
    """The bytes from the IP header on, without padding behind the packet; None when there is no IP packet."""
    if linktype in RAW_IP:
        packet = frame
    elif linktype in LOOPBACK:
        packet = frame[4:]
    elif linktype == ETHERNET:
        offset = 12
        while len(frame) >= offset + 2 and int.from_bytes(frame[offset : offset + 2], "big") in VLAN_TYPES:
            offset += 4
        if int.from_bytes(frame[offset : offset + 2], "big") not in IP_TYPES:
            return None
        packet = frame[offset + 2 :]
    elif linktype == LINUX_SLL:
        if int.from_bytes(frame[14:16], "big") not in IP_TYPES:
            return None
        packet = frame[16:]
    elif linktype == LINUX_SLL2:
        if int.from_bytes(frame[0:2], "big") not in IP_TYPES:
            return None
        packet = frame[20:]
    elif linktype == PPP:
        offset = 2 if frame[:2] == b"\xff\x03" else 0
        if frame[offset : offset + 2] not in (b"\x00\x21", b"\x00\x57"):
            return None
        packet = frame[offset + 2 :]
    else:
        return None
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        return packet[: int.from_bytes(packet[2:4], "big") or len(packet)]
    if len(packet) >= 40 and packet[0] >> 4 == 6:
        return packet[: 40 + int.from_bytes(packet[4:6], "big")]
    return None


def _pcap_frames(data):
    magic = data[:4]
    order = ">" if magic in (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d") else "<"
    fraction = 1e9 if magic in (b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1") else 1e6
    linktype = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
    offset = 24
    while offset + 16 <= len(data):
        seconds, rest, captured, _ = struct.unpack_from(order + "IIII", data, offset)
        offset += 16
        if captured > len(data) - offset:
            return
        yield seconds + rest / fraction, linktype, data[offset : offset + captured]
        offset += captured


def _resolution(order, options):
    """Ticks per second of an interface description's options (if_tsresol)."""
    while len(options) >= 4:
        code, length = struct.unpack_from(order + "HH", options)
        if code == 9 and length >= 1 and len(options) > 4:
            value = options[4]
            return float(2 ** (value & 0x7F) if value & 0x80 else 10**value)
        if code == 0:
            break
        options = options[4 + (length + 3) // 4 * 4 :]
    return 1e6


def _pcapng_frames(data):
    order, interfaces, last, offset = "<", [], 0.0, 0
    while offset + 12 <= len(data):
        if data[offset : offset + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[offset + 8 : offset + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, length = struct.unpack_from(order + "II", data, offset)
        if length < 12 or length > len(data) - offset:
            return
        body = data[offset + 8 : offset + length - 4]
        offset += (length + 3) // 4 * 4
        if kind == 1 and len(body) >= 8:
            interfaces.append((struct.unpack_from(order + "H", body)[0], _resolution(order, body[8:])))
        elif kind == 6 and len(body) >= 20:
            interface, high, low, captured, _ = struct.unpack_from(order + "IIIII", body)
            if interface < len(interfaces) and captured <= len(body) - 20:
                linktype, ticks = interfaces[interface]
                last = (high << 32 | low) / ticks
                yield last, linktype, body[20 : 20 + captured]
        elif kind == 3 and len(body) >= 4 and interfaces:
            yield last, interfaces[0][0], body[4 : 4 + struct.unpack_from(order + "I", body)[0]]


def frames(path):
    """(time in seconds, link type, bytes) of each packet."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError):
            return
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from _pcapng_frames(data)
    elif len(data) >= 24 and data[:4] in (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1"):
        yield from _pcap_frames(data)


def read_ip(path):
    for time_s, linktype, frame in frames(path):
        packet = ip_of(linktype, frame)
        if packet is not None:
            yield time_s, packet


def write_ip(path, packets):
    """Raw IP, microseconds; times count from 1970."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for time_s, packet in packets:
            micros = round(time_s * 1e6)
            out.write(struct.pack("<IIII", micros // 1000000, micros % 1000000, len(packet), len(packet)))
            out.write(packet)
