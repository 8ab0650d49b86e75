"""Takes TCP connections on a loopback address of this machine on to an address inside a network namespace.

    relay.py --listen 127.0.0.1:8640 --namespace bw-lab-main-coordinator --to 127.0.0.1:8640 --log FILE

Sockets belong to the namespace in which they were made: this one listens here first, then enters the other. When the port is
taken another is chosen; FILE holds the address. At most MAX_OPEN connections at once, further ones are closed.
"""

import argparse
import asyncio
import contextlib
import ctypes
import ipaddress
import os
import signal
import socket
import sys

CLONE_NEWNET = 0x40000000
MAX_OPEN = 256
CHUNK = 1 << 16


def address(text):
    host, _, port = text.rpartition(":")
    if not ipaddress.ip_address(host).is_loopback:
        raise argparse.ArgumentTypeError(f"{host} is no loopback address; the relay serves this machine alone")
    return host, int(port)


def listen(where):
    for port in (where[1], 0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((where[0], port))
        except OSError:
            listener.close()
            continue
        listener.listen(64)
        return listener
    raise OSError(f"can't listen on {where[0]}")


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"can't enter namespace {namespace}")
    finally:
        os.close(there)


async def pass_on(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def serve(listener, target):
    is_open = 0

    async def connection(reader, writer):
        nonlocal is_open
        if is_open >= MAX_OPEN:
            writer.transport.abort()
            return
        is_open += 1
        try:
            to_reader, to_writer = await asyncio.open_connection(*target)
            try:
                await asyncio.gather(pass_on(reader, to_writer), pass_on(to_reader, writer))
            finally:
                to_writer.transport.abort()
        except OSError:
            pass  # the coordinator is down; the browser tries again
        finally:
            writer.transport.abort()
            is_open -= 1

    server = await asyncio.start_server(connection, sock=listener)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
    server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=address, required=True)
    parser.add_argument("--to", type=address, required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--log", required=True)
    args = parser.parse_args()
    try:
        listener = listen(args.listen)
        enter(args.namespace)
        with open(args.log, "w", encoding="ascii") as log:
            log.write("%s:%d" % listener.getsockname())
    except OSError as error:
        sys.exit(f"relay: {error}")
    asyncio.run(serve(listener, args.to))


if __name__ == "__main__":
    main()
