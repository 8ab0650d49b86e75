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
for program in "${BREAKWATER_EDGE:-}" "$ROOT/build/bin/breakwater-edge" "$ROOT/build/dev/bin/breakwater-edge"; do
  [[ -n $program && -x $program ]] && break
done
export BREAKWATER_EDGE=$program
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

# With the edge, detection alone deciding: one attack after the other.
case_captures() {
  local capture name out first_drops=()
  for capture in "$CAPTURES"/{dns-amp-booter2013,syn-flood-cic2019-head,icmpv6-echo-flood-head,ipv4-fragment-garbage}.pcap \
    "$BREAKWATER_LAB_RUN/made-syn.pcap"; do
    name=$(basename "$capture" .pcap)
    out=$("$LAB" --id t6 demo --check --case "$name" --clean 6 --seconds 6 --pps 20000 --capture "$capture") || bad=1
    echo "$out"
    first_drops+=("$(sed -n 's/.*"first_packet_to_first_drop", "value": \([0-9.]*\),.*/\1/p' <<<"$out")")
  done
  local median
  median=$(printf '%s\n' "${first_drops[@]}" | sort -g | sed -n "$(((${#first_drops[@]} + 1) / 2))p")
  fact first_packet_to_first_drop_median "${median:-null}" s awk -v v="${median:-9}" 'BEGIN {exit !(v <= 1)}'
  fact nothing_left_behind_by_checks "$(left_behind)" namespaces test "$(left_behind)" = 0
}

# What the web's prefixes don't declare is dropped from the first packet, without any detection.
case_declared() {
  "$LAB" --id t7 demo --check --case declared --services web --clean 3 --seconds 3 --pps 20000 \
    --capture "$CAPTURES/dns-amp-booter2013.pcap" --max-first-drop 0.1 || bad=1
}

# field FILE EXPRESSION: a value of a JSON document d.
field() { /usr/bin/python3 -c "import json, sys; d = json.load(open(sys.argv[1])); print($2)" "$1"; }

facts() { PYTHONPATH=$ROOT/deploy/lab:$ROOT/tests/lab PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m facts "$@" || bad=1; }

# Killed in the middle of an attack and started again: the last good rules enforce at once, and visitors notice nothing.
case_restart() {
  local run=$BREAKWATER_LAB_RUN/t8 killed started attack
  "$LAB" --id t8 up || { bad=1; return; }
  sleep 4
  "$LAB" --id t8 attack --capture "$CAPTURES/dns-amp-booter2013.pcap" --pps 10000 --seconds 16 >/dev/null &
  attack=$!
  sleep 6
  "$LAB" --id t8 edge rules --json >"$run/rules-before.json"
  killed=$(date +%s.%N)
  "$LAB" --id t8 edge kill
  sleep 1
  started=$(date +%s.%N)
  "$LAB" --id t8 edge start || bad=1
  "$LAB" --id t8 edge rules --json >"$run/rules-after.json"
  wait $attack
  sleep 1
  "$LAB" --id t8 visitors stop
  facts restart "$run" "$killed" "$started"
  "$LAB" --id t8 down
}

# The interface disappears and comes back: the edge says so, waits, and filters again.
case_interface() {
  local run=$BREAKWATER_LAB_RUN/t9 status=$BREAKWATER_LAB_RUN/t9/status.json tries
  "$LAB" --id t9 up || { bad=1; return; }
  "$LAB" --id t9 uplink cut
  for ((tries = 0; tries < 50; tries++)); do
    "$LAB" --id t9 edge status --json >"$status" && [[ $(field "$status" 'd["ready"]') == False ]] && break
    sleep 0.1
  done
  fact interface_gone_is_noticed $tries tries test "$(field "$status" 'd["ready"], d["interfaces"][0]["present"]')" = "False False"
  "$LAB" --id t9 uplink restore
  for ((tries = 0; tries < 50; tries++)); do
    "$LAB" --id t9 edge status --json >"$status" && [[ $(field "$status" 'd["ready"]') == True ]] && break
    sleep 0.1
  done
  fact interface_back_is_attached $tries tries test "$(field "$status" 'd["ready"], d["interfaces"][0]["present"]')" = "True True"
  sleep 8  # visitors' retries from before the cut are over
  "$LAB" --id t9 attack --capture "$CAPTURES/dns-amp-booter2013.pcap" --pps 10000 --seconds 4 >/dev/null
  sleep 1
  "$LAB" --id t9 visitors stop
  "$LAB" --id t9 edge status --json >"$status"
  facts interface "$run"
  "$LAB" --id t9 down
}

# Two capabilities and no more; without them a refusal that says which.
case_privileges() {
  local pid out
  "$LAB" --id t10 up || { bad=1; return; }
  pid=$(cut -d' ' -f1 "$BREAKWATER_LAB_RUN/t10/pid/edge")
  fact edge_runs_as "$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")" user test "$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")" != 0
  fact edge_capabilities "\"$(awk '/^CapEff:/ {print $2}' "/proc/$pid/status")\"" mask \
    test "$(awk '/^Cap(Eff|Prm|Bnd):/ {print $2}' "/proc/$pid/status" | sort -u)" = 0000008000001000
  "$LAB" --id t10 edge stop
  out=$("$LAB" --id t10 exec edge setpriv --reuid=64100 --regid=64100 --clear-groups --bounding-set=-all --inh-caps=-all \
    timeout 5 "$BREAKWATER_EDGE" run --config "$BREAKWATER_LAB_RUN/t10/edge/edge.yaml" 2>&1)
  fact refused_without_capabilities $? status grep -q CAP_BPF <<<"$out"
  "$LAB" --id t10 down
}

# Three regions with BGP between them: everybody reaches the nearest edge, and the next one when it goes.
case_anycast() {
  local run=$BREAKWATER_LAB_RUN/t11 lost back
  "$LAB" --id t11 up --fleet --no-edge || { bad=1; return; }
  sleep 3
  facts regions "$run"
  # Its machine dies: sessions close.
  lost=$(date +%s.%N)
  "$LAB" --id t11 host eu kill
  sleep 6
  back=$(date +%s.%N)
  "$LAB" --id t11 host eu start
  sleep 6
  facts failover "$run" eu "$lost" "$back"
  # Its machine hangs: only BGP's hold time tells. What was sent before that is lost.
  lost=$(date +%s.%N)
  "$LAB" --id t11 host ap freeze
  sleep 9
  back=$(date +%s.%N)
  "$LAB" --id t11 host ap thaw
  sleep 6
  "$LAB" --id t11 visitors stop
  facts failover "$run" ap "$lost" "$back"
  "$LAB" --id t11 down
  fact nothing_left_behind_by_the_fleet "$(left_behind)" namespaces test "$(left_behind)" = 0
}

# How an edge's BIRD stands: announced, de-preferred, withdrawn.
stands() {
  "$LAB" --id t12 birdc "edge-$1" show protocols | awk '$2 == "Static" && $4 == "up" {up[substr($1, 1, length($1) - 1)] = 1}
    END {print up["anycast"] ? "announced" : up["drain"] ? "de-preferred" : "withdrawn"}'
}

# stands_soon REGION STATE: within five seconds; prints how long it took.
stands_soon() {
  local begin now
  begin=$(date +%s%N)
  while [[ $(stands "$1") != "$2" ]]; do
    now=$(date +%s%N)
    ((now - begin < 5000000000)) || return 1
    sleep 0.02
  done
  awk -v a="$begin" -v b="$(date +%s%N)" 'BEGIN {printf "%.3f\n", (b - a) / 1e9}'
}

# lose REGION NAME LOSE… -- BACK…: an edge goes by one command and comes back by another; what its visitors notice.
lose() {
  local region=$1 name=$2 lost back took
  shift 2
  local -a away=()
  while [[ $1 != -- ]]; do
    away+=("$1")
    shift
  done
  shift
  lost=$(date +%s.%N)
  "${away[@]}" >&2
  took=$(stands_soon "$region" "${expected:-withdrawn}")
  fact "${name}_${expected:-withdrawn}_after" "${took:-null}" s test -n "$took"
  sleep 2
  back=$(date +%s.%N)
  "$@" >&2
  took=$(stands_soon "$region" announced)
  fact "${name}_announced_again_after" "${took:-null}" s test -n "$took"
  sleep 4
  facts failover "$BREAKWATER_LAB_RUN/t12" "$region" "$lost" "$back"
}

# The edges decide what BIRD announces.
case_announce() {
  local lab=("$LAB" --id t12) region nginx
  "${lab[@]}" up --fleet --no-coordinator || { bad=1; return; }
  sleep 2
  lose eu killed "${lab[@]}" edge --region eu kill -- "${lab[@]}" edge --region eu start
  expected=de-preferred lose us drain "${lab[@]}" edge --region us drain --reason test -- "${lab[@]}" edge --region us undrain
  nginx=$(cut -d' ' -f1 "$BREAKWATER_LAB_RUN/t12/pid/nginx-ap")
  lose ap gateway_hung killall_of_group STOP "$nginx" -- killall_of_group CONT "$nginx"
  expected=de-preferred lose ap origin_lost "${lab[@]}" exec edge-ap ip link set origin0 down -- \
    "${lab[@]}" exec edge-ap ip link set origin0 up
  # The origin itself dies: no edge withdraws.
  killall_of_group STOP "$(cut -d' ' -f1 "$BREAKWATER_LAB_RUN/t12/pid/origin")"
  sleep 3
  for region in eu us ap; do
    fact "still_there_without_origin_$region" "\"$(stands "$region")\"" "" test "$(stands "$region")" = de-preferred
  done
  "${lab[@]}" down
}

# killall_of_group SIGNAL PID: the process and those of its group; each service of a lab has a group of its own.
killall_of_group() { kill -s "$1" -- "-$2"; }

make_flood dns
make_flood syn

ALL=(plain hidden_origin interrupted refusals anycast announce captures declared restart interface privileges)
for name in "${@:-${ALL[@]}}"; do
  declare -F "case_$name" >/dev/null || { echo "run.sh: no case $name; there are: ${ALL[*]}" >&2; exit 2; }
  "case_$name"
done
exit $bad
