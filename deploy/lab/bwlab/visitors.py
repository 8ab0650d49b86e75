"""Visitors: real HTTP requests at a fixed rate, each result one JSON line.

    visitors.py --log visitors.jsonl --rate 50 --source 198.51.100.10 … --target 203.0.113.10 …

Requests start at their own times whatever became of earlier ones, so a slow server can't hide by slowing the visitors.
Two in three open a new connection, the others use a kept one. A request counts as a success when its whole answer
carries status 200 and the origin's mark within the time limit.
"""

import argparse
import asyncio
import ipaddress
import json
import signal
import sys
import time

from . import ranges

TIMEOUT_S = 3.0
MAX_RATE = 1000
MAX_OPEN = 512
KEPT_EVERY = 3
ORIGIN_MARK = b"X-Lab-Origin: hidden"
EDGE_MARK = b"X-Lab-Edge: "


class Visitor:
    """One source address towards one target, with at most one kept connection."""

    def __init__(self, source, target, port, host):
        self.source, self.target, self.port, self.host = source, target, port, host
        self._kept = None
        self._kept_busy = False

    async def request(self, number):
        """Returns (kind, status or 0, error or None, name of the edge or None)."""
        keep = number % KEPT_EVERY == 0 and not self._kept_busy
        kind = "kept" if keep else "new"
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if keep:
                    return kind, *await self._on_kept(number)
                reader, writer = await self._connect()
                try:
                    return kind, *await self._exchange(reader, writer, number, "close")
                finally:
                    writer.transport.abort() if sys.exc_info()[0] else writer.close()
        except TimeoutError:
            return kind, 0, f"no answer within {TIMEOUT_S:g} s", None
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            return kind, 0, f"{type(error).__name__}: {error}", None

    async def _on_kept(self, number):
        self._kept_busy = True
        try:
            if self._kept is not None and not self._kept[0].at_eof() and not self._kept[1].is_closing():
                try:
                    return await self._exchange(*self._kept, number, "keep-alive")
                except (ConnectionError, asyncio.IncompleteReadError):
                    pass  # closed while it was idle; as browsers do, the request is sent again on a new connection
            self.drop_kept()
            self._kept = await self._connect()
            return await self._exchange(*self._kept, number, "keep-alive")
        except BaseException:
            self.drop_kept()
            raise
        finally:
            self._kept_busy = False

    def drop_kept(self):
        if self._kept is not None:
            self._kept[1].transport.abort()
            self._kept = None

    async def _connect(self):
        return await asyncio.open_connection(self.target, self.port, local_addr=(self.source, 0))

    async def _exchange(self, reader, writer, number, connection):
        writer.write(f"GET /page/{number} HTTP/1.1\r\nHost: {self.host}\r\nConnection: {connection}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        status, length, edge = int(lines[0].split()[1]), None, None
        for line in lines[1:]:
            if line.startswith(EDGE_MARK):
                edge = line[len(EDGE_MARK):].decode("ascii", "replace")
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if length is None or length > 1 << 20:
            return status, f"unusable Content-Length {length}", edge
        await reader.readexactly(length)
        if status != 200:
            return status, f"status {status}", edge
        return status, None if ORIGIN_MARK in lines else "the answer isn't the origin's", edge


async def visit(visitors, rate, log):
    stopping, running = asyncio.Event(), set()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopping.set)

    async def one(number):
        visitor = visitors[number % len(visitors)]
        wall, start = time.time(), time.monotonic()
        kind, status, error, edge = await visitor.request(number // len(visitors))
        record = {"time_s": wall, "ms": round((time.monotonic() - start) * 1e3, 2), "ok": error is None, "kind": kind,
                  "family": ipaddress.ip_address(visitor.target).version, "status": status}
        if edge is not None:
            record["edge"] = edge
        if error is not None:
            record["error"] = error
        print(json.dumps(record), file=log)

    begin, number = time.monotonic(), 0
    while not stopping.is_set():
        wait = begin + number / rate - time.monotonic()
        if wait > 0:
            try:
                await asyncio.wait_for(stopping.wait(), wait)
                break
            except TimeoutError:
                pass
        if len(running) >= MAX_OPEN:
            print(json.dumps({"time_s": time.time(), "ms": 0, "ok": False, "kind": "new", "family": 4, "status": 0,
                              "error": f"{MAX_OPEN} requests are already waiting"}), file=log)
        else:
            task = asyncio.create_task(one(number))
            running.add(task)
            task.add_done_callback(running.discard)
        number += 1
    if running:
        await asyncio.wait(running, timeout=TIMEOUT_S)
    for visitor in visitors:
        visitor.drop_kept()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True)
    parser.add_argument("--rate", type=float, default=50, help=f"requests a second, at most {MAX_RATE}")
    parser.add_argument("--source", action="append", required=True)
    parser.add_argument("--target", action="append", required=True)
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--host", default="www.example.com")
    args = parser.parse_args()
    try:
        ranges.require_bounded(args.rate, MAX_RATE, "rate", "requests/s")
        sources = [ranges.require_allowed(source, "source") for source in args.source]
        targets = {address.version: address for address in (ranges.require_allowed(t, "target") for t in args.target)}
    except (ranges.Refused, ValueError) as error:
        sys.exit(f"visitors: {error}")
    visitors = [Visitor(str(source), str(targets[source.version]), args.port, args.host)
                for source in sources if source.version in targets]
    if not visitors:
        sys.exit("visitors: no source has a target of its address family")
    with open(args.log, "a", buffering=1) as log:
        asyncio.run(visit(visitors, args.rate, log))


if __name__ == "__main__":
    main()
