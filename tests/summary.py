#!/usr/bin/env python3
"""Adds up what CTest wrote and prints the last line of tests/run.sh.

    summary.py FOLDER [BROKEN PART]...

FOLDER holds one JUnit file per part. A test counts as skipped only if it said so itself (exit status 77, or GoogleTest's
"[  SKIPPED ]"); one that couldn't be started is a failure, whatever CTest calls it, and so is every broken part.
Prints the failed and skipped tests by name, then "N passed, N failed[, N skipped]"; exit status 1 unless nothing failed
and something passed.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

SKIPPED_BY_ITSELF = re.compile(r"SKIP_RETURN_CODE|SKIP_REGULAR_EXPRESSION")
# What a skipped test prints: "skipped: why" (scripts) or GoogleTest's "file:line: Skipped", then why.
REASON = re.compile(r"^skipped: (.+)$|^.*: Skipped\n(.+)$", re.MULTILINE)


def reason(output):
    found = REASON.search(output)
    return (found.group(1) or found.group(2)).strip() if found else "no reason given"


def collect(folder):
    """Returns (passed, failed, skipped): a count, names, and names with reasons."""
    passed, failed, skipped = 0, [], []
    for path in sorted(pathlib.Path(folder).glob("*.xml")):
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            name = f"{path.stem}: {case.get('name')}"
            status = case.get("status")
            mark = case.find("skipped")
            if status == "run":
                passed += 1
            elif mark is not None and SKIPPED_BY_ITSELF.search(mark.get("message", "")):
                skipped.append(f"{name} ({reason(case.findtext('system-out') or '')})")
            else:
                failed.append(f"{name} ({status})")
    return passed, failed, skipped


def main():
    passed, failed, skipped = collect(sys.argv[1])
    failed += [f"{part} (broken)" for part in sys.argv[2:]]
    for name in failed:
        print(f"failed   {name}")
    for name in skipped:
        print(f"skipped  {name}")
    if not passed and not failed:
        failed.append("nothing ran")
    print(f"{passed} passed, {len(failed)} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
