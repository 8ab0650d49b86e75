#!/bin/bash
# Breakwater on one machine: three edges in three regions, a coordinator, a hidden origin, visitors and an attacker, each in a
# network namespace of its own. Installs what is missing, builds, sends clean traffic, replays a real attack, says what happened
# and where the dashboard is, and runs on until Ctrl-C, which leaves nothing behind. As root on Debian 12.
#
#   deploy/quickstart.sh              all of that
#   deploy/quickstart.sh --check      asserts it instead: one JSON line per fact on standard output, and exit status 1 when any
#                                     is not ok; ends by itself within three minutes of the build
#   deploy/quickstart.sh --built      with either: neither installs nor builds; uses the programs that are there
#                                     (BREAKWATER_EDGE, BREAKWATER_COORDINATOR, BREAKWATER_BWCTL, else build/bin, build/dev/bin)
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CAPTURES=$ROOT/tests/data/captures
LAB=$ROOT/deploy/lab/lab.sh
ID=q$(($$ % 10000000))
RUN=${BREAKWATER_LAB_RUN:-/run/breakwater-lab}/$ID
PYTHON=${PYTHON:-/usr/bin/python3}

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
say() { echo "$(date +%T)  $*" >&2; }
fail() {
  echo "quickstart: $*" >&2
  exit 1
}

check=0 built=0
for argument in "$@"; do
  case $argument in
    --check) check=1 ;;
    --built) built=1 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "quickstart: unknown option '$argument'; --help lists them" >&2; exit 64 ;;
  esac
done
[[ $(id -u) == 0 ]] || fail "needs root: it makes network namespaces and loads a packet filter. Run: sudo $0"

build() {
  say "installing what is missing"
  "$ROOT/deploy/install-deps.sh" >&2 || fail "not everything could be installed; see above"
  say "building (the first time takes some minutes)"
  (cd "$ROOT" && cmake --preset release >&2 &&
    cmake --build build/release --target breakwater-edge breakwater-coordinator bwctl >&2) || fail "the build failed; see above"
  ((check == 0)) || "$ROOT/tests/dashboard/packages.sh" >&2 || fail "the browser's packages can't be installed; see above"
}

# The browser that looks at the page; only for --check, and only where it is installed.
page_test() {
  local node_modules=$ROOT/build/dashboard-tests/node_modules
  if [[ -d $node_modules ]] && command -v node >/dev/null; then
    echo --page-test "$ROOT/tests/dashboard/attack_visible.mjs"
  else
    say "nobody looks at the page: $node_modules isn't there (tests/dashboard/packages.sh)"
  fi
}

lab() { "$LAB" --id "$ID" "$@"; }
clean_up() { lab down >&2; }

show_what_happened() {
  local attack
  echo
  lab bwctl overview
  attack=$(lab bwctl attack list -o name 2>/dev/null | head -n 1)
  if [[ -n $attack ]]; then
    echo
    lab bwctl attack show "$attack"
  fi
  echo
  lab bwctl rule list
  echo
  lab visitors summary
}

((built)) || build
say "starting three edges, the coordinator, the origin and the visitors"
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
lab up --fleet --rate 30 || fail "the lab didn't start"

if ((check)); then
  # shellcheck disable=SC2046
  PYTHONPATH=$ROOT/deploy/lab PYTHONDONTWRITEBYTECODE=1 "$PYTHON" -m bwlab.ring --lab "$LAB" --id "$ID" --run "$RUN" \
    --captures "$CAPTURES" $(page_test) &
  wait $!  # so that a signal is taken at once
  exit $?
fi

say "the dashboard: $(lab page)"
say "visitors are on their way; 5 s of clean traffic"
sleep 5 &
wait $!
say "a real attack on the region eu: $CAPTURES/dns-amp-booter2013.pcap at 20,000 packets/s for 10 s"
lab attack --region eu --capture "$CAPTURES/dns-amp-booter2013.pcap" --pps 20000 --seconds 10 >/dev/null &
wait $!
show_what_happened
cat <<TEXT

The dashboard:  $(lab page)
Try:            $LAB --id $ID attack --region us     the rule is there already
                $LAB --id $ID bwctl top -w
                $LAB --id $ID host ap kill           its visitors move to another region; host ap start
                $LAB --id $ID help
Ctrl-C ends everything and leaves nothing behind.
TEXT
while :; do
  sleep 1 &
  wait $!
done
