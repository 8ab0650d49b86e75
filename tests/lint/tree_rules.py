#!/usr/bin/env python3
"""The repository's rules that a text search can hold.

    tree_rules.py [ROOT]

Headers have include guards named after their path; no source file is longer than 800 lines; every folder with code has a
README.md; shell scripts fail on a broken pipe; links between pages lead somewhere; no file names a path of one
developer's machine. Prints "FILE:LINE: what is wrong" and exits 1 on any.
"""

import os
import re
import sys

from source_tree import SourceTree

SOURCES = ("*.h", "*.cc", "*.c", "*.proto", "*.py", "*.sh", "*.ts", "*.tsx")
MAX_LINES = 800
# Folders of units: each unit has its own README.md, which speaks for its subfolders too.
COLLECTIONS = {"common", "edge", "coordinator", "tests", "deploy"}
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:home|Users|root)/[\w.]")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def guard_of(path):
    return "BREAKWATER_" + re.sub(r"[^A-Za-z0-9]", "_", path).upper() + "_"


def include_guards(tree):
    for path in tree.paths("*.h"):
        text, guard = tree.text(path), guard_of(path)
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            yield f"{path}:1: no include guard {guard}"


def lengths(tree):
    for path in tree.paths(*SOURCES):
        lines = tree.text(path).count("\n")
        if lines > MAX_LINES:
            yield f"{path}:{lines}: {lines} lines; split it, {MAX_LINES} is the limit"


def readmes(tree):
    for folder in sorted({os.path.dirname(path) for path in tree.paths(*SOURCES)}):
        parts = folder.split("/")
        above = ["/".join(parts[:n]) for n in range(1, len(parts))]
        if not any(tree.exists(f"{f}/README.md") for f in [folder] + [a for a in above if a not in COLLECTIONS]):
            yield f"{folder or '.'}:1: a folder with code and no README.md"


def shell_scripts(tree):
    for path in tree.paths():
        text = tree.text(path)
        if re.match(r"#!.*\bsh\b|#!.*\bbash\b", text) and not re.search(r"^\s*set -[a-z]*o pipefail", text, re.MULTILINE):
            yield f"{path}:1: a shell script without set -o pipefail"


def machine_paths(tree):
    for path in tree.paths():
        for number, line in enumerate(tree.text(path).splitlines(), start=1):
            found = MACHINE_PATHS.search(line)
            if found:
                yield f"{path}:{number}: names a path of one machine: {found.group(0)}"


def links(tree):
    for path in tree.paths("*.md"):
        for number, line in enumerate(tree.text(path).splitlines(), start=1):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                if not tree.exists(os.path.join(os.path.dirname(path), target)):
                    yield f"{path}:{number}: a link to {target}, which doesn't exist"


CHECKS = [include_guards, lengths, readmes, shell_scripts, machine_paths, links]


def check(tree):
    return [problem for one in CHECKS for problem in one(tree)]


def main():
    problems = check(SourceTree(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(problems) if problems else "tree rules hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
