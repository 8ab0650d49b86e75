#!/usr/bin/env python3
"""Replays every capture and looks for what must never happen.

    tests/corpus/run.py [--engines native|compare] [--jobs N] [NAME]...

Each file (or those whose name contains NAME) alone, with every destination protected and all services declared:
  * never a crash, a sanitizer report or a result that isn't JSON; exit status 1 only with a named error of that file
  * clean: no packet dropped and no error
  * scan: no attack found
--engines compare runs the native packet filter and the kernel's on every packet; the first difference fails. It needs root;
without, this part says so and is skipped (exit status 77). Captures and program: tests/eval/library.py.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "eval"))
import library  # noqa: E402

FIRST_SHOWN = 30


def check(program, capture, engines):
    """What is wrong with this capture's replay: an empty list when nothing is."""
    label = "--attack" if capture.kind == "attack" else "--clean"
    command = [str(program), "replay", "--json", "--auto-protect", label, str(capture.path)]
    if engines == "compare":
        command.append("--compare-engines")
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    except subprocess.TimeoutExpired:
        return ["no end within 300 s"]
    if done.returncode not in (0, 1):
        return [f"exit status {done.returncode}: {done.stderr[-1500:]}"]
    if "Sanitizer" in done.stderr or "runtime error" in done.stderr:
        return [f"sanitizer: {done.stderr[:1500]}"]
    try:
        result = json.loads(done.stdout)
    except ValueError:
        return [f"no JSON, exit status {done.returncode}: {done.stderr[-1500:]}"]
    error = result["files"][0]["error"]
    wrong = []
    if done.returncode == 1 and not error:
        wrong.append(f"exit status 1 without an error: {done.stderr[-500:]}")
    if capture.kind == "clean" and error:
        wrong.append(f"error in a clean capture: {error}")
    if capture.kind in ("clean", "scan") and result["clean"]["dropped_packets"]:
        wrong.append(f"{result['clean']['dropped_packets']} packets dropped: {[a['vector'] for a in result['attacks']]}")
    if capture.kind == "scan" and result["attacks"]:
        wrong.append(f"a scan taken for {[a['vector'] for a in result['attacks']]}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--engines", choices=("native", "compare"), default="native")
    parser.add_argument("--jobs", type=int, help="replays at once; default: one a core, or six a core for compare")
    arguments = parser.parse_args()
    # Loading and freeing the kernel's tables is waiting, not work.
    jobs = arguments.jobs or (os.cpu_count() or 1) * (6 if arguments.engines == "compare" else 1)
    if arguments.engines == "compare" and os.geteuid() != 0:
        print("skipped: the kernel's packet filter needs root")
        return 77
    program = library.edge_program()
    captures = [
        c for c in library.captures() if not arguments.names or any(name in c.name for name in arguments.names)
    ]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda c: check(program, c, arguments.engines), captures)
        for capture, wrong in zip(captures, results):
            if wrong:
                failed += 1
                if failed <= FIRST_SHOWN:
                    print(f"{capture.name}: {'; '.join(wrong)}", flush=True)
    if failed > FIRST_SHOWN:
        print(f"... and {failed - FIRST_SHOWN} more")
    print(json.dumps({"engines": arguments.engines, "captures": len(captures), "failed": failed}))
    return 1 if failed or not captures else 0


if __name__ == "__main__":
    sys.exit(main())
