#!/bin/bash
# deploy/quickstart.sh --check with programs that are built already. Exit status 77, with the reason, where it can't be done.
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [[ $(id -u) != 0 ]]; then
  echo "skipped: the lab makes network namespaces and needs root"
  exit 77
fi
if ! ip netns add bw-lab-probe 2>/dev/null; then
  echo "skipped: network namespaces can't be made here (CAP_SYS_ADMIN)"
  exit 77
fi
ip netns del bw-lab-probe
# Without them nobody would look at the page, and that is one of the facts.
"$ROOT/tests/dashboard/packages.sh" || exit 1
exec "$ROOT/deploy/quickstart.sh" --check --built
