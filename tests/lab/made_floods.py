"""Floods made from a few lines, for what no redistributable capture holds. usage: made_floods.py KIND OUT.pcap

    dns    answers from 200 resolvers, 2,000 packets
    syn    SYNs to the visitors' own service, tcp/80, from 4,000 forged sources, as common tools send them: no options,
           one window; 8,000 packets
"""

import os
import random
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "lab"))

from bwlab import capture  # noqa: E402

VICTIM = b"\xcb\x00\x71\x01"  # 203.0.113.1
FIRST_SOURCE = 0xC6120000  # 198.18.0.0


def ipv4(number, source, protocol, payload):
    return b"\0" * 12 + b"\x08\x00" + struct.pack("!BBHHHBBHI4s", 0x45, 0, 20 + len(payload), number & 0xFFFF, 0, 64,
                                                  protocol, 0, source, VICTIM) + payload


def dns():
    for n in range(2000):
        yield ipv4(n, FIRST_SOURCE + n % 200, 17, struct.pack("!HHHH", 53, 1000 + n, 108, 0) + bytes(100))


def syn():
    rng = random.Random(80)
    for n in range(8000):
        yield ipv4(rng.getrandbits(16), FIRST_SOURCE + rng.randrange(4000) * 31, 6, struct.pack(
            "!HHIIBBHHH", rng.randrange(1024, 65536), 80, rng.getrandbits(32), 0, 0x50, 0x02, 512, 0, 0))


if __name__ == "__main__":
    kinds = {"dns": dns, "syn": syn}
    if len(sys.argv) != 3 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    capture.write(sys.argv[2], [(n / 10000, frame) for n, frame in enumerate(kinds[sys.argv[1]]())])
