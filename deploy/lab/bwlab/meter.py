"""Counts packets by source and destination at several points of the lab, independently of the edge's own counters.

    meter.py --log meter.jsonl --point NAME NAMESPACE INTERFACE SOURCES DESTINATIONS …

SOURCES is a prefix, or a prefix less a part of it: 198.18.0.0/15-198.18.99.0/24. Each point is a packet socket with a classic BPF filter that is never read: the kernel counts what the filter takes and
throws it away, so counting costs no copy, and is exact. On an interface with an XDP program the socket sees what
the program let through. Polled every 20 ms; a JSON line with cumulative counts whenever one changed.
"""

import argparse
import ctypes
import ipaddress
import json
import os
import signal
import socket
import struct
import sys
import time

SOL_PACKET, PACKET_STATISTICS, SO_ATTACH_FILTER, CLONE_NEWNET, ETH_P_ALL = 263, 6, 26, 0x40000000, 3
LD_HALF, LD_WORD, JEQ, AND, RET = 0x28, 0x20, 0x15, 0x54, 0x06
INTERVAL_S = 0.02


def _words(prefix, begin):
    """(offset, mask, value) of each 32-bit word of an address that a prefix says something about."""
    network, mask = int(prefix.network_address), int(prefix.netmask)
    for word in range(prefix.max_prefixlen // 32):
        shift = prefix.max_prefixlen - 32 * (word + 1)
        part = mask >> shift & 0xFFFFFFFF
        if part:
            yield begin + 4 * word, part, network >> shift & 0xFFFFFFFF


def prefix_filter(sources, destinations, without=None):
    """Classic BPF that takes Ethernet frames from one IP prefix, less a part of it, to another of the same family."""
    begin, kind = (26, 0x0800) if sources.version == 4 else (22, 0x86DD)
    # (operation, value, where to go when equal, where when not); nowhere = on.
    code = [(LD_HALF, 12, None, None), (JEQ, kind, None, "miss")]

    def add(words, equal, unequal):
        for index, (at, mask, value) in enumerate(words):
            last = index == len(words) - 1
            code.extend([(LD_WORD, at, None, None), (AND, mask, None, None),
                         (JEQ, value, equal if last else None, unequal)])

    add(list(_words(sources, begin)), None, "miss")
    if without is not None:
        add(list(_words(without, begin)), "miss", "kept")
    kept = len(code)
    add(list(_words(destinations, begin + sources.max_prefixlen // 8)), None, "miss")
    code.extend([(RET, 0xFFFF, None, None), (RET, 0, None, None)])
    places = {"miss": len(code) - 1, "kept": kept}

    def distance(index, place):
        return places[place] - index - 1 if place else 0

    return b"".join(struct.pack("HBBI", operation, distance(index, equal), distance(index, unequal), value)
                    for index, (operation, value, equal, unequal) in enumerate(code))


def parse_sources(text):
    """(prefix, part left out or None)"""
    prefix, _, without = text.partition("-")
    return ipaddress.ip_network(prefix), ipaddress.ip_network(without) if without else None


def open_point(namespace, interface, sources, destinations):
    """A counting socket on an interface of a network namespace; this process's own namespace stays as it was."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"can't enter namespace {namespace}")
        try:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            prefix, without = parse_sources(sources)
            code = prefix_filter(prefix, ipaddress.ip_network(destinations), without)
            buffer = ctypes.create_string_buffer(code)
            program = struct.pack("HP", len(code) // 8, ctypes.addressof(buffer))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
            sock.bind((interface, ETH_P_ALL))
            return sock
        finally:
            if libc.setns(home, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "can't return to the first namespace")
    finally:
        os.close(home)
        os.close(there)


def take(sock):
    """Packets since the call before, the thrown-away ones included."""
    return struct.unpack("II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True)
    parser.add_argument("--point", nargs=5, action="append", required=True,
                        metavar=("NAME", "NAMESPACE", "INTERFACE", "SOURCES", "DESTINATIONS"))
    args = parser.parse_args()
    try:
        points = [(name, open_point(*where)) for name, *where in args.point]
    except OSError as error:
        sys.exit(f"meter: {error}")
    running = True

    def stop(_signal, _frame):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    totals = dict.fromkeys((name for name, _ in points), 0)
    with open(args.log, "a", buffering=1) as log:
        print(json.dumps({"time_s": time.time(), **totals}), file=log)
        while True:
            last_round = not running
            changed = False
            for name, sock in points:  # points of one name add up (IPv4 and IPv6)
                if count := take(sock):
                    totals[name] += count
                    changed = True
            if changed:
                print(json.dumps({"time_s": time.time(), **totals}), file=log)
            if last_round:
                return
            time.sleep(INTERVAL_S)


if __name__ == "__main__":
    main()
