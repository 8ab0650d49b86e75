"""Reads and writes captures: pcap (either byte order, micro- or nanoseconds) and pcapng's common blocks.

    capture = read("attack.pcap")
    for packet in capture.packets: packet.time_s, packet.ip (bytes from the IP header on), packet.wire_len
"""

import dataclasses
import os
import struct

from . import ranges

LINK_NULL, LINK_ETHERNET, LINK_RAW, LINK_SLL, LINK_IPV4, LINK_IPV6, LINK_SLL2 = 0, 1, 101, 113, 228, 229, 276
RAW_LINKS = (12, 14, LINK_RAW, LINK_IPV4, LINK_IPV6)
ETHERTYPES_IP = (0x0800, 0x86DD)
ETHERTYPES_VLAN = (0x8100, 0x88A8, 0x9100)


class CaptureError(Exception):
    pass


@dataclasses.dataclass(slots=True)
class Packet:
    time_s: float
    ip: bytes  # from the IP header on, as far as it was captured
    missing: int  # bytes at the end that the capture cut off


@dataclasses.dataclass
class Capture:
    packets: list
    not_ip: int = 0
    truncated_file: bool = False  # the file ends inside a record; what came before is used


def _network_layer(frame, link):
    """Offset of the IP header in a frame, or None."""
    if link in RAW_LINKS:
        return 0
    if link == LINK_NULL:
        return 4
    if link == LINK_SLL:
        offset, kind_at = 16, 14
    elif link == LINK_SLL2:
        offset, kind_at = 20, 0
    elif link == LINK_ETHERNET:
        offset, kind_at = 14, 12
    else:
        raise CaptureError(f"link type {link} is not Ethernet, raw IP, Linux cooked or null; convert the capture first")
    if len(frame) < offset:
        return None
    kind = int.from_bytes(frame[kind_at : kind_at + 2], "big")
    tags = 0
    while kind in ETHERTYPES_VLAN and tags < 2 and len(frame) >= offset + 4:
        kind = int.from_bytes(frame[offset + 2 : offset + 4], "big")
        offset += 4
        tags += 1
    return offset if kind in ETHERTYPES_IP else None


def _records_pcap(data, order, nano):
    link = struct.unpack_from(order + "I", data, 20)[0] & 0x0FFFFFFF
    at, scale = 24, 1e-9 if nano else 1e-6
    while at < len(data):
        if at + 16 > len(data):
            yield None
            return
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", data, at)
        at += 16
        if captured > 1 << 20 or at + captured > len(data):
            yield None
            return
        yield link, seconds + fraction * scale, data[at : at + captured], max(wire, captured)
        at += captured


def _records_pcapng(data):
    order, links, at = "<", [], 0
    while at < len(data):
        if at + 12 > len(data):
            yield None
            return
        kind = struct.unpack_from(order + "I", data, at)[0]
        if kind == 0x0A0D0D0A:
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        length = struct.unpack_from(order + "I", data, at + 4)[0]
        if length < 12 or length % 4 or at + length > len(data):
            yield None
            return
        if kind == 1 and length >= 20:
            links.append(_interface(data[at + 8 : at + length - 4], order))
        elif kind == 6 and length >= 32:
            interface, high, low, captured, wire = struct.unpack_from(order + "IIIII", data, at + 8)
            if interface < len(links) and at + 28 + captured <= at + length:
                link, tick = links[interface]
                yield link, ((high << 32) | low) * tick, data[at + 28 : at + 28 + captured], max(wire, captured)
        at += length


def _interface(body, order):
    """(link type, seconds per tick) of an interface description."""
    link, at, tick = struct.unpack_from(order + "H", body, 0)[0], 8, 1e-6
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            break
        if code == 9 and size >= 1 and at + 4 < len(body):  # if_tsresol
            value = body[at + 4]
            tick = 2.0 ** -(value & 0x7F) if value & 0x80 else 10.0**-value
        at += 4 + (size + 3) // 4 * 4
    return link, tick


def read(path):
    """Raises CaptureError (unreadable, unknown format) and ranges.Refused (over the lab's bounds)."""
    try:
        with open(path, "rb") as file:
            data = file.read(ranges.MAX_BYTES + 1)
    except OSError as error:
        raise CaptureError(f"can't read {path}: {error.strerror}") from error
    if len(data) > ranges.MAX_BYTES:
        raise ranges.Refused(f"{path} is larger than {ranges.MAX_BYTES} bytes; cut it with editcap -c")
    magic = data[:4]
    formats = {
        b"\xd4\xc3\xb2\xa1": ("<", False), b"\xa1\xb2\xc3\xd4": (">", False),
        b"\x4d\x3c\xb2\xa1": ("<", True), b"\xa1\xb2\x3c\x4d": (">", True),
    }
    if magic in formats and len(data) >= 24:
        records = _records_pcap(data, *formats[magic])
    elif magic == b"\x0a\x0d\x0d\x0a":
        records = _records_pcapng(data)
    else:
        raise CaptureError(f"{path} is neither pcap nor pcapng (its first bytes are {magic.hex() or 'missing'})")
    capture = Capture(packets=[])
    for record in records:
        if record is None:
            capture.truncated_file = True
            break
        link, time_s, frame, wire = record
        offset = _network_layer(frame, link)
        if offset is None:
            capture.not_ip += 1
            continue
        if len(capture.packets) >= ranges.MAX_PACKETS:
            raise ranges.Refused(f"{path} has more than {ranges.MAX_PACKETS} packets; cut it with editcap -c")
        capture.packets.append(Packet(time_s, frame[offset:], wire - len(frame)))
    return capture


def write(path, frames):
    """frames: (seconds, Ethernet frame) pairs. Written whole or not at all."""
    temporary = f"{path}.part"
    with open(temporary, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, LINK_ETHERNET))
        for seconds, frame in frames:
            nanoseconds = round(seconds * 1e9)
            file.write(struct.pack("<IIII", nanoseconds // 10**9, nanoseconds % 10**9, len(frame), len(frame)))
            file.write(frame)
    os.replace(temporary, path)
