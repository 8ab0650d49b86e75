"""Counts packets by source and destination at several points of the lab, independently of the edge's own counters.

    meter.py --log meter.jsonl --point NAME NAMESPACE INTERFACE SOURCES DESTINATIONS …

Each point is a packet socket with a classic BPF filter that is never read: the kernel counts what the filter takes and
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


def prefix_filter(sources, destinations):
    """Classic BPF that takes Ethernet frames from one IP prefix to another of the same family."""
    words = sources.max_prefixlen // 32
    at, kind = (26, 0x0800) if sources.version == 4 else (22, 0x86DD)
    body = []
    for prefix, begin in ((sources, at), (destinations, at + 4 * words)):
        network, mask = int(prefix.network_address), int(prefix.netmask)
        for word in range(words):
            shift = 32 * (words - 1 - word)
            part = mask >> shift & 0xFFFFFFFF
            if part:
                body.append((LD_WORD, begin + 4 * word, None))
                if part != 0xFFFFFFFF:
                    body.append((AND, part, None))
                body.append((JEQ, network >> shift & 0xFFFFFFFF, "miss"))
    code = [(LD_HALF, 12, None), (JEQ, kind, "miss"), *body, (RET, 0xFFFF, None), (RET, 0, None)]
    out = b""
    for index, (operation, value, jump) in enumerate(code):
        out += struct.pack("HBBI", operation, 0, len(code) - 2 - index if jump else 0, value)
    return out


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
            code = prefix_filter(ipaddress.ip_network(sources), ipaddress.ip_network(destinations))
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
