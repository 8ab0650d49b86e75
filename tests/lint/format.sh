#!/bin/bash
# Is every C and C++ file formatted as .clang-format says? Names those that aren't and exits 1.
#   tests/lint/format.sh         checks
#   tests/lint/format.sh --fix   formats them
set -euo pipefail
cd "$(dirname "$0")/../.."

# What git tracks or would track; without git (a source archive) everything but what was built.
if [ -e .git ]; then
  list=(git -c "safe.directory=$PWD" ls-files -z --cached --others --exclude-standard -- '*.h' '*.cc' '*.c')
else
  list=(find . -path ./build -prune -o '(' -name '*.h' -o -name '*.cc' -o -name '*.c' ')' -print0)
fi
case "${1:-}" in
  '') "${list[@]}" | xargs -0 -r -n 8 -P "$(nproc)" bash -c '
        status=0
        for file; do
          clang-format "$file" | cmp -s - "$file" || { echo "$file:1: not formatted; tests/lint/format.sh --fix"; status=1; }
        done
        exit $status' format.sh ;;
  --fix) "${list[@]}" | xargs -0 -r clang-format -i ;;
  *) sed -n '2,4s/^# \{0,1\}//p' tests/lint/format.sh; exit 64 ;;
esac
