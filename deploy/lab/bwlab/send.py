"""Sends a rewritten capture from an interface, again and again, at a bounded rate and for a bounded time.

    send.py CAPTURE --interface up0 --pps 20000 --seconds 10 [--log attack.jsonl]

Refuses any packet whose source or destination is outside the documentation and benchmark ranges. Logs JSON lines: when
the first packet was sent (wall clock, taken just before), and at the end how many were.
"""

import argparse
import errno
import ipaddress
import json
import signal
import socket
import struct
import sys
import time

from . import capture, ranges

TICK_S = 0.001
MAX_BURST_S = 0.02  # after a stall the missed packets are given up rather than sent in one burst


def load(path):
    """The frames of a capture, every address checked."""
    with open(path, "rb") as file:
        data = file.read(ranges.MAX_BYTES)
    frames, checked, at = [], set(), 24
    if len(data) < 24 or data[:4] != struct.pack("<I", 0xA1B23C4D):
        raise capture.CaptureError(f"{path} was not made by rewrite.py; rewrite the capture first")
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16 : at + 16 + size]
        at += 16 + size
        kind = frame[12:14]
        addresses = (frame[26:30], frame[30:34]) if kind == b"\x08\x00" else (frame[22:38], frame[38:54])
        for address in addresses:
            if address not in checked:
                if len(address) not in (4, 16):
                    raise capture.CaptureError(f"{path}: a frame is too short to hold its addresses")
                ranges.require_allowed(ipaddress.ip_address(address), "address")
                checked.add(address)
        frames.append(frame)
    if not frames:
        raise capture.CaptureError(f"{path} holds no packets")
    return frames


class Stop(Exception):
    pass


def _stop(_signal, _frame):
    raise Stop


def send(frames, interface, pps, seconds, log):
    """Returns (packets sent, bytes sent, seconds it took, packets refused by the interface)."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((interface, 0))
    transmit, count = sock.send, len(frames)
    sent = size = refused = position = given_up = 0
    log({"event": "first", "time_s": time.time()})
    start = time.monotonic()
    try:
        while (elapsed := time.monotonic() - start) < seconds:
            due = int(pps * elapsed) + 1 - sent - refused - given_up
            if due > pps * MAX_BURST_S + 1:
                given_up += due - int(pps * MAX_BURST_S) - 1
                due = int(pps * MAX_BURST_S) + 1
            for _ in range(due):
                frame = frames[position]
                position += 1
                if position == count:
                    position = 0
                try:
                    transmit(frame)
                except OSError as error:
                    if error.errno not in (errno.ENOBUFS, errno.EAGAIN):
                        raise
                    refused += 1
                    continue
                sent += 1
                size += len(frame)
            time.sleep(TICK_S)
    except Stop:
        pass
    return sent, size, time.monotonic() - start, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture")
    parser.add_argument("--interface", required=True)
    parser.add_argument("--pps", type=float, required=True, help=f"at most {ranges.MAX_PPS}")
    parser.add_argument("--seconds", type=float, required=True, help=f"at most {ranges.MAX_SECONDS}")
    parser.add_argument("--log", help="JSON lines are appended here instead of standard output")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    out = open(args.log, "a", buffering=1) if args.log else sys.stdout

    def log(record):
        print(json.dumps(record), file=out, flush=True)

    try:
        ranges.require_bounded(args.pps, ranges.MAX_PPS, "rate", "packets/s")
        ranges.require_bounded(args.seconds, ranges.MAX_SECONDS, "duration", "s")
        frames = load(args.capture)
        sent, size, took, refused = send(frames, args.interface, args.pps, args.seconds, log)
    except Stop:
        return
    except (capture.CaptureError, ranges.Refused, OSError) as error:
        sys.exit(f"send: {error}")
    log({"event": "end", "time_s": time.time(), "packets": sent, "bytes": size, "refused": refused,
         "seconds": round(took, 3), "pps": round(sent / took) if took else 0})


if __name__ == "__main__":
    main()
