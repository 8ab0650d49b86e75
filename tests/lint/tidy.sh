#!/bin/bash
# clang-tidy, with the checks of .clang-tidy, over what the dev preset compiles. Takes minutes, so it isn't part of
# tests/run.sh.
#   tests/lint/tidy.sh              every source file
#   tests/lint/tidy.sh common/rule  those whose path contains the argument
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ ! -e build/dev/compile_commands.json ]; then
  cmake --preset dev > /dev/null
fi
cmake --build build/dev --target generated -j "$(nproc)" > /dev/null
python3 - "${1:-}" << 'PYTHON' | xargs -0 -r -n 1 -P "$(nproc)" clang-tidy --quiet -p build/dev
import json, os, sys
root = os.getcwd() + "/"
files = {e["file"] for e in json.load(open("build/dev/compile_commands.json")) if e["file"].endswith(".cc")}
ours = sorted(f for f in files if f.startswith(root) and not f.startswith(root + "build/") and sys.argv[1] in f)
sys.stdout.write("".join(f + "\0" for f in ours))
PYTHON
