#!/usr/bin/env python3
"""How well Breakwater defends against the attacks in the captures.

    tests/eval/run.py [--out FILE] [NAME]...

For each attack capture (or those whose name contains NAME) one JSON line: detected, the share of the attack that its
confirmed signatures match, the share dropped after detection, seconds from the first packet to the first drop, and clean
packets dropped. Floods (2,000 packets/s or more) are judged against the goals in score.py; slower ones are only reported.

Four kinds of replay, all with every destination protected and all services declared, so that only detection decides:
  attack    the attack alone, repeated to at least 3 s
  paced     with all clean traffic of the attack's protocol rewritten onto the victim's address, at 200 packets/s
  together  the same clean captures, with their own timing, 40 at a time, starting with the attack
  crowd     all of these at once: hundreds of captures that begin in the same slot are themselves far over the thresholds
            of a host that was never busy, so what is dropped of them is reported and not judged

Exit status: 0 when every flood reaches every goal, 1 otherwise. Captures: see library.py; the program: BREAKWATER_EDGE.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import library
import pcap
import score
import victim as victims

LOOP_SECONDS = 3.0
CLEAN_RATE = 200  # below the lowest floor, as clean traffic is
CLEAN_SECONDS = 5.0
MAX_PARTS = 8  # of paced clean traffic
TOGETHER = 40  # captures


def replay(program, attack, seconds, clean):
    loops = max(1, math.ceil(seconds / max(attack.seconds, 0.001)))
    command = [program, "replay", "--json", "--auto-protect", "--measure", "--attack", attack.path, "--loop", str(loops)]
    for path in clean:
        command += ["--clean", path]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(c) for c in command)}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def rounded(numbers):
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in numbers.items()}


def clean_rounds(victim, clean, folder):
    """(name, clean files) of each replay with clean traffic."""
    sent = clean.to(victim)
    for i, part in enumerate(victims.paced(sent, CLEAN_RATE, CLEAN_SECONDS)[:MAX_PARTS]):
        path = folder / f"paced-{i}.pcap"
        pcap.write_ip(path, part)
        yield "paced", [path]
    files = []
    for i, capture in enumerate(sent):
        files.append(folder / f"capture-{i}.pcap")
        pcap.write_ip(files[-1], capture)
    for start in range(0, len(files), TOGETHER):
        yield "together", files[start : start + TOGETHER]
    if len(files) > TOGETHER:
        yield "crowd", files


def evaluate(program, attack, clean):
    flood = attack.pps >= score.FLOOD_PPS
    alone = score.measure(replay(program, attack, LOOP_SECONDS, []))
    report = {"capture": attack.name, "pps": round(attack.pps, 1), "judged": flood, **rounded(alone)}
    missed = {f"attack: {goal}": text for goal, text in score.misses(alone).items()}
    victim = victims.find(attack.path)
    with tempfile.TemporaryDirectory() as folder:
        for name, files in clean_rounds(victim, clean, pathlib.Path(folder)):
            numbers = score.measure(replay(program, attack, CLEAN_SECONDS, files))
            if name != "crowd":
                for goal, text in score.misses(numbers).items():
                    missed.setdefault(f"{name}: {goal}", text)
            sums = report.setdefault(name, {"clean_packets": 0, "clean_dropped": 0})
            for key in sums:
                sums[key] += numbers[key]
    report["missed"] = missed
    report["ok"] = not flood or not missed
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--out", type=pathlib.Path, help="write the lines to this file as well")
    arguments = parser.parse_args()
    program = library.edge_program()
    found = library.captures()
    attacks = [c for c in found if c.kind == "attack" and (not arguments.names or any(n in c.name for n in arguments.names))]
    if not attacks:
        raise SystemExit("no attack capture has such a name")
    clean = victims.CleanTraffic([c.path for c in found if c.kind == "clean"])
    lines, failed = [], []
    for attack in attacks:
        report = evaluate(program, attack, clean)
        lines.append(json.dumps(report))
        print(lines[-1], flush=True)
        if not report["ok"]:
            failed.append(attack.name)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")
    for name in failed:
        print(f"{name}: misses a goal", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
