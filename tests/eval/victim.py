"""Whom an attack capture attacks and with what, and clean traffic of that kind sent to the same victim.

All of it is read from the capture, not asked from Breakwater: the evaluation must not believe what it tests.
"""

import collections
import dataclasses
import pathlib
import re

import packets
import pcap

_VECTOR_TABLE = pathlib.Path(__file__).parents[2] / "common/window/vector.h"


def reflector_ports():
    """UDP source ports with a vector of their own, from the table that the packet filter is built from."""
    table = _VECTOR_TABLE.read_text().split("#define BW_UDP_SOURCE_PORTS(X)")[1].split("\nenum ")[0]
    return {int(port) for port in re.findall(r"X\((\d+), UDP_", table)}


@dataclasses.dataclass(frozen=True)
class Victim:
    destination: bytes
    protocol: int
    port: int  # of the reflector, for UDP from one; else 0
    fragments: bool  # mostly fragments

    @property
    def version(self):
        return 4 if len(self.destination) == 4 else 6


def find(path):
    """The destination of most packets, and the kind of most packets to it. None for a capture without IP packets."""
    reflectors = reflector_ports()
    kinds = collections.defaultdict(collections.Counter)
    for _, packet in pcap.read_ip(path):
        h = packets.parse(packet)
        port = h.ports[0] if h.protocol == packets.UDP and h.ports and h.ports[0] in reflectors else 0
        kinds[h.destination][h.protocol, port, h.fragment] += 1
    if not kinds:
        return None
    destination, seen = max(kinds.items(), key=lambda item: (item[1].total(), item[0]))
    protocol, port, fragments = max(seen.items(), key=lambda item: (item[1], item[0]))[0]
    return Victim(destination, protocol, port, fragments)


def alike(victim, headers):
    """Whether a packet is of the kind that attacks the victim: its protocol, and for reflections also its service."""
    if headers.version != victim.version:
        return False
    if victim.fragments:
        return headers.fragment or headers.protocol == victim.protocol
    if headers.protocol != victim.protocol:
        return False
    return victim.port == 0 or victim.port in headers.ports


class CleanTraffic:
    """The packets of many captures, a bounded number of each kind from each, to be sent to any victim."""

    PER_CAPTURE = 200

    def __init__(self, paths):
        self._captures = []
        for path in paths:
            kept, taken = [], collections.Counter()
            for time_s, packet in pcap.read_ip(path):
                h = packets.parse(packet)
                kind = (h.version, h.protocol, h.fragment)
                if taken[kind] < self.PER_CAPTURE:
                    taken[kind] += 1
                    kept.append((time_s, h, packet))
            if kept:
                self._captures.append(kept)

    def to(self, victim):
        """One list of (time since its capture's first packet, packet) for each capture that has packets of the kind."""
        sent = []
        for capture in self._captures:
            start = capture[0][0]
            chosen = [
                (max(0.0, time_s - start), packets.send_to(packet, victim.destination))
                for time_s, h, packet in capture
                if alike(victim, h)
            ]
            if chosen:
                sent.append(chosen)
        return sent


def paced(captures, rate, seconds):
    """The packets of all captures, each capture's in their order, the captures taking turns: rate a second, in as many
    parts of so many seconds as are needed."""
    queues = [collections.deque(packet for _, packet in capture) for capture in captures]
    turns = []
    while queues:
        turns += [queue.popleft() for queue in queues]
        queues = [queue for queue in queues if queue]
    part = int(rate * seconds)
    return [
        [(i / rate, packet) for i, packet in enumerate(turns[start : start + part])] for start in range(0, len(turns), part)
    ]
