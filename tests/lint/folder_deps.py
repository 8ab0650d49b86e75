#!/usr/bin/env python3
"""Which folder may include from which: the table below, held by reading every #include line.

    folder_deps.py [ROOT]

Prints "FILE:LINE: what is wrong" and exits 1 when a folder includes from one that isn't in its row. Generated headers of
the wire contract are included as "breakwater/v1/....pb.h" and count as proto. A new folder with C or C++ code needs a row.
"""

import re
import sys

from source_tree import SourceTree

PLUMBING = ["common/net", "common/clock", "common/log", "common/config", "common/metrics", "common/http",
            "common/service"]
SHARED = PLUMBING + ["common/rule", "common/sketch", "common/window", "common/detect",
                     "common/fleet", "common/tls", "common/settings", "common/view_json"]

# Folder (or file) -> folders and files it may include from, besides itself and its own subfolders; proto is open to all.
# The longest row that fits a file's path counts.
MAY_INCLUDE = {
    "proto": [],
    "common/net": [],
    "common/clock": [],
    "common/log": ["common/net", "common/clock"],
    "common/config": ["common/net", "common/log"],
    "common/metrics": ["common/net", "common/clock", "common/log"],
    "common/http": ["common/net", "common/clock", "common/log"],
    "common/service": ["common/net", "common/clock", "common/log", "common/http"],
    "common/rule": ["common/net"],
    "common/rule/rule_file.cc": ["common/rule", "common/net", "common/config"],
    "common/rule/rule_file.h": ["common/rule", "common/net", "common/config"],
    "common/sketch": ["common/net"],
    "common/window": ["common/net", "common/rule", "common/sketch"],
    "common/detect": ["common/net", "common/rule", "common/sketch", "common/window"],
    "common/fleet": ["common/net", "common/rule", "common/window"],
    "common/tls": ["common/net"],
    "common/view_json": [],
    "common/settings": ["common/net", "common/log", "common/config", "common/rule", "common/window", "common/detect"],
    "edge/datapath": SHARED,
    "edge/telemetry": SHARED + ["edge/datapath"],
    "edge/rules": SHARED + ["edge/datapath"],
    "edge/control": SHARED + ["edge/datapath", "edge/telemetry", "edge/rules"],
    "edge/settings": SHARED + ["edge/datapath", "edge/rules", "edge/control", "edge/anycast"],
    "edge/link": SHARED + ["edge/datapath", "edge/telemetry", "edge/rules", "edge/control"],
    "edge/anycast": SHARED,
    "edge/replay": SHARED + ["edge/datapath", "edge/telemetry", "edge/rules", "edge/control", "edge/settings"],
    "edge/app": SHARED + ["edge/datapath", "edge/telemetry", "edge/rules", "edge/control", "edge/settings",
                          "edge/link", "edge/anycast", "edge/replay"],
    "edge/gateway": SHARED,
    "edge/main.cc": SHARED + ["edge/app", "edge/replay"],
    "coordinator/store": SHARED,
    "coordinator/merge": SHARED,
    "coordinator/traffic": SHARED + ["coordinator/store"],
    "coordinator/attacks": SHARED + ["coordinator/store", "coordinator/merge"],
    "coordinator/policy": SHARED + ["coordinator/store"],
    "coordinator/rollout": SHARED + ["coordinator/store", "coordinator/policy"],
    "coordinator/control": SHARED + ["coordinator/store", "coordinator/merge", "coordinator/traffic",
                                     "coordinator/attacks", "coordinator/policy", "coordinator/rollout"],
    "coordinator/ingest": SHARED + ["coordinator/control", "coordinator/store"],
    "coordinator/dashboard": SHARED,
    "coordinator/api": SHARED + ["coordinator/control", "coordinator/store", "coordinator/dashboard"],
    "coordinator/app": SHARED + ["coordinator"],
    "coordinator/main.cc": SHARED + ["coordinator"],
    "coordinator/cli": SHARED,
    "deploy": SHARED,
    "tests": SHARED + ["edge", "coordinator"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')
TOP_FOLDERS = {"proto", "common", "edge", "coordinator", "deploy", "tests"}


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def row_of(path):
    """The longest row that holds the path, or None."""
    rows = [folder for folder in MAY_INCLUDE if inside(path, folder)]
    return max(rows, key=len, default=None)


def check(tree):
    """Returns one line per violation."""
    problems = []
    for path in tree.paths("*.h", "*.cc", "*.c"):
        row = row_of(path)
        if row is None:
            problems.append(f"{path}:1: no row in tests/lint/folder_deps.py for this folder")
            continue
        allowed = [row, "proto"] + MAY_INCLUDE[row]
        for number, line in enumerate(tree.text(path).splitlines(), start=1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match.group(1)
            if target.startswith("../") or "/../" in target:
                problems.append(f'{path}:{number}: includes "{target}"; write the path from the top folder')
            if target.split("/")[0] not in TOP_FOLDERS:
                continue
            if not any(inside(target, folder) for folder in allowed):
                problems.append(f'{path}:{number}: {row} may not include "{target}"; it may include from '
                                f"{', '.join(allowed[1:])}")
    return problems


def main():
    problems = check(SourceTree(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(problems) if problems else "folder dependencies hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
