#!/bin/bash
# The lab's checks, one JSON line per fact on standard output; exit 1 if any is not ok. Needs root.
# usage: tests/lab/run.sh [CASE]…   (default: every case)
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB=$ROOT/deploy/lab/lab.sh
CAPTURES=$ROOT/tests/data/captures
export BREAKWATER_LAB_RUN
BREAKWATER_LAB_RUN=$(mktemp -d /run/breakwater-lab-test.XXXXXX) || exit 1
chmod 755 "$BREAKWATER_LAB_RUN"  # nginx and the edge run as other users
trap '"$LAB" down --all; rm -rf "$BREAKWATER_LAB_RUN"' EXIT
trap 'exit 130' INT TERM
bad=0

# fact NAME VALUE UNIT COMMAND…: ok when the command succeeds.
fact() {
  local name=$1 value=$2 unit=$3 ok=true
  shift 3
  "$@" || { ok=false bad=1; }
  echo "{\"check\": \"$name\", \"value\": $value, \"unit\": \"$unit\", \"ok\": $ok}"
}

make_flood() { /usr/bin/python3 "$ROOT/tests/lab/made_floods.py" "$1" "$BREAKWATER_LAB_RUN/made-$1.pcap" || bad=1; }

left_behind() {  # namespaces and processes of the labs of this run
  ip netns list | grep -c '^bw-lab-t[0-9]' || true
}

processes_of() { pgrep -f -c "$BREAKWATER_LAB_RUN" || true; }

# Without an edge: the lab itself.
case_plain() {
  "$LAB" --id t1 demo --check --no-edge --clean 3 --seconds 4 --pps 20000 --capture "$BREAKWATER_LAB_RUN/made-dns.pcap" || bad=1
  fact nothing_left_behind "$(left_behind)" namespaces test "$(left_behind)" = 0
}

case_hidden_origin() {
  local node reached=0
  "$LAB" --id t2 up --no-edge || { bad=1; return; }
  for node in visitors attacker transit; do
    "$LAB" --id t2 exec "$node" timeout 1 bash -c 'exec 3<>/dev/tcp/192.0.2.2/8080' 2>/dev/null && reached=$((reached + 1))
  done
  fact origin_reachable_from_outside $reached nodes test $reached = 0
  "$LAB" --id t3 up --no-edge
  fact two_labs_side_by_side $? status test "$("$LAB" list | tr '\n' ' ')" = "t2 t3 "
  "$LAB" --id t2 up --no-edge 2>/dev/null
  fact a_second_lab_of_one_name_is_refused $? status "$LAB" --id t2 status >/dev/null
  "$LAB" --id t2 down
  "$LAB" --id t3 down
  fact nothing_left_behind_by_down "$(left_behind)" namespaces test "$(left_behind)" = 0
}

case_interrupted() {
  local pid tries
  "$LAB" --id t4 demo --no-edge --clean 60 --capture "$BREAKWATER_LAB_RUN/made-dns.pcap" >/dev/null &
  pid=$!
  for ((tries = 0; tries < 100; tries++)); do
    [[ -s $BREAKWATER_LAB_RUN/t4/visitors.jsonl ]] && break
    sleep 0.1
  done
  fact demo_started $tries tries test -s "$BREAKWATER_LAB_RUN/t4/visitors.jsonl"
  kill -TERM $pid
  wait $pid
  fact nothing_left_behind_by_an_interrupt "$(left_behind)" namespaces \
    test "$(left_behind) $(processes_of) $(ls "$BREAKWATER_LAB_RUN" | grep -c '^t')" = "0 0 0"
}

case_refusals() {
  local made=$BREAKWATER_LAB_RUN/made-dns.pcap refused=0
  "$LAB" --id t5 demo --capture "$made" --pps 50001 2>/dev/null || refused=$((refused + 1))
  "$LAB" --id t5 demo --capture "$made" --seconds 61 2>/dev/null || refused=$((refused + 1))
  "$LAB" --id t5 demo --capture /nonexistent 2>/dev/null || refused=$((refused + 1))
  "$LAB" --id 'no/such' up 2>/dev/null || refused=$((refused + 1))
  setpriv --reuid=65534 --clear-groups "$LAB" --id t5 up 2>/dev/null || refused=$((refused + 1))
  fact refused $refused requests test $refused = 5
}

make_flood dns
make_flood syn

ALL=(plain hidden_origin interrupted refusals)
for name in "${@:-${ALL[@]}}"; do
  declare -F "case_$name" >/dev/null || { echo "run.sh: no case $name; there are: ${ALL[*]}" >&2; exit 2; }
  "case_$name"
done
exit $bad
