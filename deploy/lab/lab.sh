#!/bin/bash
# lab.sh: one edge or a fleet, visitors, an attacker and a hidden origin, each in its own network namespace. See --help.
set -uo pipefail

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$LAB_DIR/../.." && pwd)
RUN_ROOT=${BREAKWATER_LAB_RUN:-/run/breakwater-lab}
PYTHON=${PYTHON:-/usr/bin/python3}
export PYTHONPATH=$LAB_DIR PYTHONDONTWRITEBYTECODE=1
LAB_ID=${BREAKWATER_LAB_ID:-main}
FLEET=(eu us ap)
WITH_COORDINATOR=0
DEFAULT_CAPTURE=$ROOT/tests/data/captures/dns-amp-booter2013.pcap

warn() { echo "lab: $*" >&2; }
fail() {
  warn "$*"
  exit 1
}
say() { echo "$(date +%T.%3N)  $*" >&3; }

. "$LAB_DIR/topology.sh"
. "$LAB_DIR/services.sh"
. "$LAB_DIR/edge.sh"
. "$LAB_DIR/bird.sh"
. "$LAB_DIR/coordinator.sh"

usage() {
  cat <<'TEXT'
usage: lab.sh [--id NAME] COMMAND [OPTION]…

A Breakwater edge, or a fleet of three, in a small network of namespaces: visitors make real HTTP requests through it all the time, an
attacker replays real captures at it, and the origin behind it is reachable from the edge alone.

commands
  up [--fleet [--no-coordinator]] [--no-edge] [--rate N] [--services all|web]
                               make the network, start the origin, nginx, the edge and the visitors (N requests/s, 50);
                               --fleet: in three regions, eu, us and ap, with BGP between them and a coordinator.
                               What the protected prefixes declare: every service, so that detection alone decides, or
                               the web's alone, so that most attacks are dropped from their first packet
  down [--all]                 end every process and remove everything; --all: of every lab
  status                       what runs, and how the visitors fare
  visitors start [--rate N] | stop | summary [--last SECONDS]
  attack --capture FILE [--pps N] [--seconds S] [--region R|all]
                               replay a capture at the protected address (20000 packets/s, 10 s; at most 50000 and 60)
  edge [--region R] start | stop | kill
                               the edge's process; kill: at once, as a crash would
  edge [--region R] COMMAND…   the edge's own commands: status, rules, attacks, panic …
  uplink cut | restore [R]     take the edge's interface away, and give it back
  exec NODE COMMAND…           run a command in a node's namespace: transit, visitors, attacker, edge, origin; in a fleet
                               transit-eu …, backhaul, management, coordinator
  coordinator start | stop | kill
  bwctl COMMAND…               ask a fleet's coordinator, and tell it
  page                         the address of its page
  host R kill | freeze | thaw | start
                               of a fleet: everything on an edge's machine dies, or hangs, or goes on, or starts again
  birdc NODE COMMAND…          ask a fleet's BIRD: edge-eu, transit-eu …
  demo [--capture FILE] [--pps N] [--seconds S] [--clean S] [--services all|web] [--no-edge]
       [--check [--case NAME] [--max-first-drop S]]
                               all of it: up, clean traffic, an attack, what happened; runs on until Ctrl-C, which
                               leaves nothing behind. --check: end by itself, print one JSON line per fact on standard
                               output, {"check", "value", "unit", "ok"}; exit 1 if any is not ok
  list                         the labs that are up

options
  --id NAME     which lab, at most 8 letters or digits (default: main; for demo: its process id). Several run side by side.

environment
  BREAKWATER_EDGE, BREAKWATER_COORDINATOR, BREAKWATER_BWCTL
                        the programs (default: those in build/bin, else in build/dev/bin)
  BREAKWATER_LAB_RUN    where run directories are made (default: /run/breakwater-lab)
  PYTHON                Python 3.11 or later (default: /usr/bin/python3)
TEXT
}

require() {
  local tool missing=()
  [[ $(id -u) == 0 ]] || fail "needs root: it makes network namespaces"
  local tools=(ip nsenter setpriv setsid sysctl nginx "$PYTHON")
  ! is_fleet || tools+=(bird birdc openssl)
  for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  ((${#missing[@]} == 0)) ||
    fail "missing: ${missing[*]}. On Debian 12: apt-get install iproute2 util-linux procps nginx-light python3 bird2 openssl"
}

number() {  # number NAME VALUE MIN MAX
  if ! [[ $2 =~ ^[0-9]+([.][0-9]+)?$ ]] || ! awk -v v="$2" -v a="$3" -v b="$4" 'BEGIN {exit !(v >= a && v <= b)}'; then
    fail "$1 $2 is not a number between $3 and $4"
  fi
}

# A lab that is up says which regions it has.
find_regions() { [[ ! -s $RUN/regions ]] || mapfile -t REGIONS <"$RUN/regions"; }

is_up() { [[ -d $RUN && -e /run/netns/$(ns origin) ]]; }
require_up() { is_up || fail "lab $LAB_ID isn't up; run: lab.sh --id $LAB_ID up"; }

up() {
  local rate=50 edge=1 services=all region no_coordinator=0
  while (($#)); do
    case $1 in
      --no-edge) edge=0; shift ;;
      --fleet) REGIONS=("${FLEET[@]}"); WITH_COORDINATOR=1; shift ;;
      --no-coordinator) no_coordinator=1; shift ;;
      --rate) rate=${2:?--rate needs a number}; shift 2 ;;
      --services) services=${2:?--services needs all or web}; shift 2 ;;
      *) fail "up: unknown option $1" ;;
    esac
  done
  ((edge && !no_coordinator)) || WITH_COORDINATOR=0
  number --rate "$rate" 1 1000
  [[ $services == all || $services == web ]] || fail "--services $services: all or web"
  require
  [[ ! -e $RUN ]] || fail "lab $LAB_ID is up already, or was left behind; run: lab.sh --id $LAB_ID down"
  mkdir -p "$RUN/pid" "$RUN/log" || fail "can't make $RUN"
  trap 'down' EXIT  # until everything is up, a failure leaves nothing behind
  printf '%s\n' "${REGIONS[@]}" >"$RUN/regions"
  make_edge_config "$services"
  make_topology
  start_services
  ((WITH_COORDINATOR == 0)) || make_coordinator
  if ((edge)); then echo edge; else echo always; fi >"$RUN/announce"
  ! is_fleet || start_bgp
  if ((edge)); then start_edges; fi
  require_service
  start_meter
  start_visitors "$rate"
  trap - EXIT
}

down() {
  trap - EXIT
  stop_everything
  remove_topology
  rm -rf "$RUN" "$(copies)"
  rmdir "$RUN_ROOT" 2>/dev/null
  return 0
}

list() {
  local directory
  for directory in "$RUN_ROOT"/*/; do
    [[ -d $directory ]] && basename "$directory"
  done
}

down_all() {
  local id
  for id in $(list); do
    LAB_ID=$id RUN=$RUN_ROOT/$id
    find_regions
    down
  done
}

status() {
  require_up
  local name names=(origin meter) region kind
  for region in "${REGIONS[@]}"; do
    for kind in nginx edge visitors attack; do names+=("$(node $kind "$region")"); done
    ! is_fleet || names+=("bird-edge-$region" "bird-transit-$region")
  done
  for name in "${names[@]}"; do
    if running "$name"; then echo "$name: running (process $(pid_of "$name"))"; else echo "$name: not running"; fi
  done
  keep_answers
  for region in "${REGIONS[@]}"; do
    [[ -z $region ]] || echo "in $region:"
    $(helper report) "$RUN" --region "$region" --last 10
  done
}

visitors_command() {
  local what=${1:-} rate=50 last=() region
  shift
  while (($#)); do
    case $1 in
      --rate) rate=${2:?--rate needs a number}; shift 2 ;;
      --last) last=(--last "${2:?--last needs a number}"); shift 2 ;;
      *) fail "visitors: unknown option $1" ;;
    esac
  done
  number --rate "$rate" 1 1000
  require_up
  case $what in
    start) running "$(node visitors "${REGIONS[0]}")" && fail "visitors run already"; start_visitors "$rate" ;;
    stop) stop_visitors ;;
    summary)
      for region in "${REGIONS[@]}"; do
        [[ -z $region ]] || echo "in $region:"
        $(helper report) "$RUN" --region "$region" "${last[@]}"
      done
      ;;
    *) fail "visitors: start, stop or summary" ;;
  esac
}

edge_command() {
  local region=${REGIONS[0]} name
  if [[ ${1:-} == --region ]]; then
    region=${2:?--region needs a name}
    shift 2
  fi
  require_up
  region_number "$region" >/dev/null || exit 1
  name=$(node edge "$region")
  case ${1:-} in
    start) running "$name" && fail "the edge runs already"; start_edge "$region"; require_edge "$region" ;;
    stop) stop_service "$name" ;;
    kill) stop_service "$name" KILL ;;
    *) edge_cli "$region" "$@" ;;
  esac
}

# signal_host REGION SIGNAL: to everything on an edge's machine; some of it may end meanwhile.
signal_host() {
  local pid
  for pid in $(ip netns pids "$(ns "edge-$1")"); do kill -s "$2" "$pid" 2>/dev/null; done
  return 0
}

# What happens to the machine an edge runs on.
host_command() {
  local region=${1:?host needs a region}
  require_up
  is_fleet || fail "host is for a fleet; see --fleet"
  region_number "$region" >/dev/null || exit 1
  case ${2:-} in
    kill) signal_host "$region" KILL ;;
    freeze) signal_host "$region" STOP ;;
    thaw) signal_host "$region" CONT ;;
    start)
      start_gateway "$region"
      start_edge_bird "$region" "$(<"$RUN/announce")"
      [[ $(<"$RUN/announce") != edge ]] || { start_edge "$region" && require_edge "$region"; }
      ;;
    *) fail "host: kill, freeze, thaw or start" ;;
  esac
}

# parse_attack OPTION…: sets capture, pps, seconds, attacked; what it doesn't know stays in rest.
parse_attack() {
  capture=$DEFAULT_CAPTURE pps=20000 seconds=10 attacked=${REGIONS[0]} rest=()
  while (($#)); do
    case $1 in
      --capture) capture=${2:?--capture needs a file}; shift 2 ;;
      --pps) pps=${2:?--pps needs a number}; shift 2 ;;
      --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
      --region) attacked=${2:?--region needs a name}; shift 2 ;;
      *) rest+=("$1"); shift ;;
    esac
  done
  number --pps "$pps" 1 50000
  number --seconds "$seconds" 0.1 60
  [[ -r $capture ]] || fail "can't read the capture $capture"
}

wait_while_running() {
  while running "$1"; do sleep 0.1; done
}

attack() {
  local capture pps seconds attacked rest name region
  parse_attack "$@"
  ((${#rest[@]} == 0)) || fail "attack: unknown option ${rest[0]}"
  require_up
  local -a regions=("$attacked")
  [[ $attacked != all ]] || regions=("${REGIONS[@]}")
  rewrite_capture "$capture" || exit 1
  for region in "${regions[@]}"; do region_number "$region" >/dev/null || exit 1; done
  for region in "${regions[@]}"; do start_attack "$capture" "$pps" "$seconds" "$region"; done
  for region in "${regions[@]}"; do
    name=$(node attack "$region")
    wait_while_running "$name"
    cat "$RUN/log/$name.log" >&2
    [[ -s $RUN/$name.jsonl ]] || fail "nothing was sent"
    tail -n 1 "$RUN/$name.jsonl"
  done
}

demo() {
  local capture pps seconds attacked rest clean=5 check=0 up_options=() report_options=() kept
  parse_attack "$@"
  set -- "${rest[@]}"
  while (($#)); do
    case $1 in
      --clean) clean=${2:?--clean needs a number}; number --clean "$clean" 1 600; shift 2 ;;
      --check) check=1; shift ;;
      --max-first-drop) report_options+=(--max-first-drop "${2:?--max-first-drop needs seconds}"); shift 2 ;;
      --case) report_options+=(--case "${2:?--case needs a name}"); shift 2 ;;
      --services) up_options+=(--services "${2:?--services needs all or web}"); shift 2 ;;
      --no-edge) up_options+=(--no-edge); report_options+=(--unfiltered); shift ;;
      *) fail "demo: unknown option $1" ;;
    esac
  done
  exec 3>&1
  ((check == 0)) || exec 3>&2  # with --check standard output carries facts alone
  trap 'exit 130' INT TERM
  say "lab $LAB_ID: making the network, the origin and the edge"
  up "${up_options[@]}"
  trap down EXIT
  say "visitors are on their way; $clean s of clean traffic"
  sleep "$clean" &
  wait $!
  kept=$(rewrite_capture "$capture") || exit 1
  say "the attacker replays $(basename "$capture"): $kept"
  start_attack "$capture" "$pps" "$seconds" "$attacked"
  wait_while_running attack
  cat "$RUN/log/attack.log" >&2
  sleep 2
  keep_answers
  if ((check)); then
    stop_visitors
    stop_service meter
    $(helper report) "$RUN" --check "${report_options[@]}"
    exit $?
  fi
  $(helper report) "$RUN"
  say "the lab runs on (lab.sh --id $LAB_ID status, attack, exec …); Ctrl-C ends it and leaves nothing behind"
  while :; do
    sleep 1 &
    wait $!
  done
}

given_id=
while [[ ${1:-} == --id ]]; do
  given_id=${2:?--id needs a name}
  shift 2
done
command=${1:-}
(($#)) && shift
[[ -n $given_id || $command != demo ]] || given_id=$$
LAB_ID=${given_id:-$LAB_ID}
[[ $LAB_ID =~ ^[a-z0-9]{1,8}$ ]] || fail "--id $LAB_ID: 1 to 8 small letters or digits"
RUN=$RUN_ROOT/$LAB_ID
find_regions

case $command in
  up) up "$@" ;;
  down) if [[ ${1:-} == --all ]]; then down_all; else down; fi ;;
  status) status ;;
  visitors) visitors_command "$@" ;;
  attack) attack "$@" ;;
  edge) edge_command "$@" ;;
  uplink)
    require_up
    case ${1:-} in
      cut) cut_uplink "${2-${REGIONS[0]}}" ;;
      restore) make_uplink "${2-${REGIONS[0]}}" ;;
      *) fail "uplink: cut or restore" ;;
    esac
    ;;
  exec) require_up; in_node "$@" ;;
  coordinator) coordinator_command "$@" ;;
  bwctl) require_up; bwctl "$@" ;;
  page) require_up; page_address ;;
  host) host_command "$@" ;;
  birdc) require_up; bird_cli "$@" ;;
  demo) demo "$@" ;;
  list) list ;;
  -h | --help | help) usage ;;
  *) usage >&2; exit 2 ;;
esac
