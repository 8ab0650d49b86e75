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
    """Whether a packet is of the kind that attacks the victim: its family and protocol, or a fragment like most of them."""
    if headers.version != victim.version:
        return False
    return headers.protocol == victim.protocol or (victim.fragments and headers.fragment)


class CleanTraffic:
    """The packets of many captures, a bounded number of each kind from each, to be sent to any victim."""

    PER_CAPTURE = 200
    SECONDS = 60  # of each capture; the attacks are shorter

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
        """One list of (time since its capture's first packet, packet) for each capture that has packets of the kind; those
        of the reflector's own service come first."""
        service, others = [], []
        for capture in self._captures:
            start = capture[0][0]
            chosen = [
                (max(0.0, time_s - start), h, packets.send_to(packet, victim.destination))
                for time_s, h, packet in capture
                if alike(victim, h) and time_s - start <= self.SECONDS
            ]
            if chosen:
                same = victim.port and any(victim.port in h.ports for _, h, _ in chosen)
                (service if same else others).append([(time_s, packet) for time_s, _, packet in chosen])
        return service + others


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
