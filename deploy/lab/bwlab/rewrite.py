"""Rewrites a capture so that it attacks the lab's protected address from the lab's attacker range.

    rewrite.py IN OUT --destination 203.0.113.10 --destination6 2001:db8:10::10 --source-mac … --gateway-mac …

Keeps what went to the capture's victim (its most frequent destination) and leaves out the rest, such as the
victim's replies. Sources keep their distinctness: the n-th different source becomes the n-th address of a fixed
permutation of the attacker range. Checksums are adjusted, not made: what was wrong in the capture stays wrong, except
the IPv4 header's, which routers check. Nothing of the original addresses is left in the addresses of the result.
"""

import argparse
import collections
import dataclasses
import ipaddress
import json
import struct
import sys

from . import capture, ranges

MTU = 1500
TCP, UDP, ICMPV6 = 6, 17, 58
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMPV6: 2}
# An odd multiplier permutes the integers modulo a power of two, so neighbours in a capture aren't neighbours here.
SPREAD_V4, BITS_V4 = 40503, 17
SPREAD_V6, BITS_V6 = 0x9E3779B1, 32
# Left out: the attacker's own link, and where visitors live.
RESERVED_V4 = (ipaddress.ip_network("198.19.255.0/24"), ranges.NEIGHBOURS_V4)


@dataclasses.dataclass
class Result:
    frames: list  # (seconds, frame)
    sources: int
    other_direction: int
    unusable: int  # headers cut short, over the MTU, or not sendable
    seconds: float


class SourceMap:
    """The n-th different source as an address of the attacker range; wraps (and says so) when the range is used up."""

    def __init__(self):
        self._known = {4: {}, 16: {}}
        self._next = {4: 0, 16: 0}
        self.wrapped = False

    def __len__(self):
        return len(self._known[4]) + len(self._known[16])

    def __call__(self, source):
        known = self._known[len(source)]
        if source not in known:
            known[source] = self._v4() if len(source) == 4 else self._v6()
        return known[source]

    def _v4(self):
        while True:
            number = self._next[4]
            self._next[4] += 1
            self.wrapped |= number >= 1 << BITS_V4
            address = ranges.ATTACKERS_V4.network_address + (number * SPREAD_V4 + 0x101) % (1 << BITS_V4)
            if not any(address in reserved for reserved in RESERVED_V4):
                return address.packed

    def _v6(self):
        while True:
            number = self._next[16]
            self._next[16] += 1
            spread = (number * SPREAD_V6 + 1) % (1 << BITS_V6)
            address = ranges.ATTACKERS_V6.network_address + ((spread >> 16) << 64) + (spread & 0xFFFF) + (1 << 16)
            if address not in ranges.NEIGHBOURS_V6:
                return address.packed


def ones_complement_sum(data):
    if len(data) % 2:
        data += b"\0"
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def fold(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def adjust(checksum, old, new):
    """RFC 1624: a checksum after `old` bytes became `new` ones."""
    removed = sum(0xFFFF - word for word in struct.unpack(f"!{len(old) // 2}H", old))
    return 0xFFFF - fold((0xFFFF - checksum) + removed + ones_complement_sum(new))


def _addresses(packet):
    """(source, destination) or None for what has no whole IP header."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20 and (packet[0] & 15) >= 5 and len(packet) >= (packet[0] & 15) * 4:
        return packet[12:16], packet[16:20]
    if version == 6 and len(packet) >= 40:
        return packet[8:24], packet[24:40]
    return None


def _transport(packet):
    """(protocol, offset) of a whole packet's or first fragment's transport header, or None."""
    if packet[0] >> 4 == 4:
        if int.from_bytes(packet[6:8], "big") & 0x1FFF:
            return None
        return packet[9], (packet[0] & 15) * 4
    protocol, at = packet[6], 40
    for _ in range(8):
        if protocol in (0, 43, 60):
            size = 8 + packet[at + 1] * 8 if at + 2 <= len(packet) else 0
        elif protocol == 51:
            size = 8 + packet[at + 1] * 4 if at + 2 <= len(packet) else 0
        elif protocol == 44:
            if at + 8 > len(packet) or int.from_bytes(packet[at + 2 : at + 4], "big") & 0xFFF8:
                return None
            size = 8
        else:
            return protocol, at
        if not size or at + size > len(packet):
            return None
        protocol, at = packet[at], at + size
    return None


def _total_length(packet):
    if packet[0] >> 4 == 4:
        return max(int.from_bytes(packet[2:4], "big"), (packet[0] & 15) * 4)
    return 40 + int.from_bytes(packet[4:6], "big")


def readdress(packet, source, destination):
    """The packet with other addresses; source and destination are packed and of the packet's family."""
    out = bytearray(packet)
    begin, end = (12, 20) if packet[0] >> 4 == 4 else (8, 40)
    old, new = bytes(packet[begin:end]), source + destination
    out[begin:end] = new
    if begin == 12:
        header = (packet[0] & 15) * 4
        out[10:12] = b"\0\0"
        out[10:12] = (0xFFFF - fold(ones_complement_sum(bytes(out[:header])))).to_bytes(2, "big")
    transport = _transport(packet)
    if transport and transport[0] in CHECKSUM_AT:
        at = transport[1] + CHECKSUM_AT[transport[0]]
        if at + 2 <= len(packet):
            checksum = int.from_bytes(packet[at : at + 2], "big")
            if checksum or transport[0] != UDP:  # UDP's 0 means "none"
                adjusted = adjust(checksum, old, new)
                out[at : at + 2] = (adjusted or (0xFFFF if transport[0] == UDP else 0)).to_bytes(2, "big")
    return bytes(out)


def rewrite(source_capture, destination4, destination6, source_mac, gateway_mac):
    """destination4, destination6: ipaddress objects inside the allowed ranges."""
    ranges.require_allowed(destination4, "destination")
    ranges.require_allowed(destination6, "destination")
    addressed = []
    unusable = 0
    towards = collections.Counter()
    for packet in source_capture.packets:
        addresses = _addresses(packet.ip)
        if addresses is None:
            unusable += 1
            continue
        addressed.append((packet, *addresses))
        towards[addresses[1]] += 1
    if not towards:
        raise capture.CaptureError("no packet with a whole IP header in this capture")
    victim = towards.most_common(1)[0][0]
    target = (destination4 if len(victim) == 4 else destination6).packed
    ethertype = b"\x08\x00" if len(victim) == 4 else b"\x86\xdd"
    ethernet = gateway_mac + source_mac + ethertype
    sources, frames, other = SourceMap(), [], 0
    for packet, source, destination in addressed:
        if destination != victim:
            other += 1
            continue
        length = _total_length(packet.ip)
        if length > MTU:
            unusable += 1
            continue
        whole = packet.ip[:length] + bytes(max(0, length - len(packet.ip)))  # a cut-off payload is sent as zeros
        frames.append((packet.time_s, ethernet + readdress(whole, sources(source), target)))
    if not frames:
        raise capture.CaptureError(f"every packet to the victim is over {MTU} bytes; nothing to replay")
    start = frames[0][0]
    frames = [(max(0.0, time_s - start), frame) for time_s, frame in frames]
    if sources.wrapped:
        print(f"note: more than {1 << BITS_V4} sources; some share an address", file=sys.stderr)
    seconds = max(time_s for time_s, _ in frames)
    return Result(frames, len(sources), other, unusable, seconds)


def parse_mac(text):
    parts = text.split(":")
    if len(parts) != 6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a MAC address; write it as 02:00:00:00:00:01")
    return bytes(int(part, 16) for part in parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--destination", type=ipaddress.IPv4Address, required=True)
    parser.add_argument("--destination6", type=ipaddress.IPv6Address, required=True)
    parser.add_argument("--source-mac", type=parse_mac, required=True)
    parser.add_argument("--gateway-mac", type=parse_mac, required=True)
    args = parser.parse_args()
    try:
        original = capture.read(args.input)
        result = rewrite(original, args.destination, args.destination6, args.source_mac, args.gateway_mac)
        capture.write(args.output, result.frames)
    except (capture.CaptureError, ranges.Refused, OSError) as error:
        sys.exit(f"rewrite: {error}")
    print(json.dumps({
        "packets": len(result.frames), "sources": result.sources, "seconds": round(result.seconds, 6),
        "pps": round(len(result.frames) / result.seconds) if result.seconds else None,
        "other_direction": result.other_direction, "unusable": result.unusable, "not_ip": original.not_ip,
        "truncated_file": original.truncated_file,
    }))


if __name__ == "__main__":
    main()
