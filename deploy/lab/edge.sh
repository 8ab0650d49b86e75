# The edge of the lab: breakwater-edge as an unprivileged user with the two capabilities it needs. Sourced by lab.sh.

EDGE_UID=64100
EDGE_HEALTH=127.0.0.1:9550
EDGE_CAPABILITIES=-all,+bpf,+net_admin

# program_of WHAT VARIABLE NAME: the program in $VARIABLE, else of the release build, else of the dev build.
program_of() {
  local what=$1 variable=$2 name=$3 candidate
  for candidate in "${!variable:-}" "$ROOT/build/bin/$name" "$ROOT/build/dev/bin/$name"; do
    if [[ -n $candidate && -x $candidate ]]; then
      echo "$candidate"
      return
    fi
  done
  fail "$what: $name isn't built; build it (cmake --preset release && cmake --build build/release --target $name) or set $variable"
}

# Where programs are copied to that their user can't reach, such as those of a checkout in /root.
copies() { echo "/var/tmp/breakwater-lab-$LAB_ID"; }

# runnable UID PROGRAM: the program, or a copy of it, that this user can run.
runnable() {
  local copy
  if setpriv --reuid="$1" --regid="$1" --clear-groups test -x "$2"; then
    echo "$2"
    return
  fi
  copy=$(copies)/$(basename "$2")
  [[ -x $copy ]] || { mkdir -p "$(copies)" && install -m 0755 "$2" "$copy"; } || fail "user $1 can't run $2, and it can't be copied"
  echo "$copy"
}

edge_program() { program_of edge BREAKWATER_EDGE breakwater-edge; }

# How the edge is started: no root, no capabilities but two, no way to get others, and one group: who may use BIRD's control
# socket.
edge_launcher() {
  local groups=--clear-groups
  ! is_fleet || groups=--groups=$(getent group "$BIRD_GROUP" | cut -d: -f3)
  echo "setpriv --reuid=$EDGE_UID --regid=$EDGE_UID $groups --inh-caps=$EDGE_CAPABILITIES" \
    "--ambient-caps=$EDGE_CAPABILITIES --bounding-set=$EDGE_CAPABILITIES --no-new-privs"
}

edge_directory() { echo "$RUN/$(node edge "$1")"; }

# The edge's own command line, for status, rules, attacks, panic …: edge_cli REGION COMMAND…
edge_cli() {
  local program region=$1
  shift
  program=$(edge_program) || exit 1
  BREAKWATER_SOCKET=$(edge_directory "$region")/edge.sock in_node "$(node edge "$region")" "$program" "$@"
}

edge_ready() { in_node "$(node edge "$1")" "$PYTHON" -c \
  "import urllib.request as r; r.urlopen('http://$EDGE_HEALTH/readyz', timeout=1)"; }

# make_edge_config SERVICES: "all" or "web".
make_edge_config() {
  local services=all region directory number
  [[ $1 == all ]] || services="tcp/80, icmp echo 100pps"
  for region in "${REGIONS[@]}"; do
    directory=$(edge_directory "$region")
    mkdir -p "$directory/state"
    sed -e "s|@RUN@|$directory|g; s|@PROTECTED_PREFIX4@|$PROTECTED_PREFIX4|g; s|@PROTECTED_PREFIX6@|$PROTECTED_PREFIX6|g" \
      -e "s|@EDGE_HEALTH@|$EDGE_HEALTH|g; s|@SERVICES@|$services|g; s|@ID@|${region:-lab}|g" \
      "$LAB_DIR/edge.yaml" >"$directory/edge.yaml"
    if is_fleet; then
      number=$(region_number "$region")
      sed -e "s|@BIRD@|$(bird_directory "edge-$region")|g; s|@PROTECTED4@|$PROTECTED4|g; s|@ORIGIN@|$ORIGIN4:$ORIGIN_PORT|g" \
        "$LAB_DIR/edge-fleet.yaml" >>"$directory/edge.yaml"
    fi
    if ((WITH_COORDINATOR)); then
      sed -e "s|@RUN@|$directory|g; s|@PKI@|$RUN/pki|g; s|@ID@|$region|g; s|@EDGES@|$COORDINATOR4:$COORDINATOR_EDGES_PORT|g" \
        "$LAB_DIR/edge-coordinator.yaml" >>"$directory/edge.yaml"
    fi
    chown -R "$EDGE_UID:$EDGE_UID" "$directory"
  done
}

start_edge() {  # REGION
  local program name
  program=$(edge_program) || exit 1
  program=$(runnable "$EDGE_UID" "$program") || exit 1
  name=$(node edge "$1")
  # shellcheck disable=SC2046
  spawn "$name" "$name" $(edge_launcher) "$program" run --config "$(edge_directory "$1")/edge.yaml"
  ! is_fleet || guard_edge "$1"
}

# What ExecStopPost of the edge's unit does: when the process has ended, in whatever way, nothing is announced for it.
guard_edge() {
  local name config pid program
  name=$(node edge "$1") config=$(edge_directory "$1")/edge.yaml
  program=$(runnable "$EDGE_UID" "$(edge_program)") || exit 1
  pid=$(pid_of "$name") || fail_with_logs "the edge ended at once" "$name"
  # shellcheck disable=SC2046,SC2016
  spawn "guard-$1" "$name" $(edge_launcher) bash -c \
    'while read -r _ _ state _ <"/proc/$1/stat" && [[ $state != Z ]]; do sleep 0.05; done 2>/dev/null
     exec "$2" withdraw --config "$3"' guard "$pid" "$program" "$config"
}

require_edge() { wait_for 10 edge_ready "$1" || fail_with_logs "the edge isn't ready within 10 s" "$(node edge "$1")"; }

start_edges() {
  local region
  for region in "${REGIONS[@]}"; do start_edge "$region"; done
  for region in "${REGIONS[@]}"; do require_edge "$region"; done
}

# keep_answers: what the edges say of themselves, for the report: status.json, or status-eu.json.
keep_answers() {
  local page region
  for region in "${REGIONS[@]}"; do
    running "$(node edge "$region")" || continue
    for page in status attacks rules; do
      edge_cli "$region" "$page" --json >"$RUN/$(node "$page" "$region").json"
    done
  done
}
