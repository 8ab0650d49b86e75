# The edge of the lab: breakwater-edge as an unprivileged user with the two capabilities it needs. Sourced by lab.sh.

EDGE_UID=64100
EDGE_HEALTH=127.0.0.1:9550
EDGE_CAPABILITIES=-all,+bpf,+net_admin

edge_program() {
  local candidate
  for candidate in "${BREAKWATER_EDGE:-}" "$ROOT/build/bin/breakwater-edge" "$ROOT/build/dev/bin/breakwater-edge"; do
    if [[ -n $candidate && -x $candidate ]]; then
      echo "$candidate"
      return
    fi
  done
  fail "breakwater-edge isn't built; build it (cmake --preset release && cmake --build build/release --target breakwater-edge), set BREAKWATER_EDGE, or use --no-edge"
}

# How the edge is started: no root, no groups, no capabilities but two, and no way to get others.
edge_launcher() {
  echo "setpriv --reuid=$EDGE_UID --regid=$EDGE_UID --clear-groups --inh-caps=$EDGE_CAPABILITIES" \
    "--ambient-caps=$EDGE_CAPABILITIES --bounding-set=$EDGE_CAPABILITIES --no-new-privs"
}

# The edge's own command line, for status, rules, attacks, panic …
edge_cli() {
  local program
  program=$(edge_program) || exit 1
  BREAKWATER_SOCKET=$RUN/edge/edge.sock in_node edge "$program" "$@"
}

edge_ready() { in_node edge "$PYTHON" -c \
  "import urllib.request as r; r.urlopen('http://$EDGE_HEALTH/readyz', timeout=1)"; }

# make_edge_config SERVICES: "all" or "web".
make_edge_config() {
  local services=all
  [[ $1 == all ]] || services="tcp/80, icmp echo 100pps"
  mkdir -p "$RUN/edge/state"
  sed -e "s|@RUN@|$RUN/edge|g; s|@PROTECTED_PREFIX4@|$PROTECTED_PREFIX4|g; s|@PROTECTED_PREFIX6@|$PROTECTED_PREFIX6|g" \
    -e "s|@EDGE_HEALTH@|$EDGE_HEALTH|g; s|@SERVICES@|$services|g" "$LAB_DIR/edge.yaml" >"$RUN/edge/edge.yaml"
  chown -R "$EDGE_UID:$EDGE_UID" "$RUN/edge"
}

start_edge() {
  local program
  program=$(edge_program) || exit 1
  # shellcheck disable=SC2046
  spawn edge edge $(edge_launcher) "$program" run --config "$RUN/edge/edge.yaml"
  wait_for 10 edge_ready || fail_with_logs "the edge isn't ready within 10 s" edge
}

# keep_answers: what the edge says of itself, for the report.
keep_answers() {
  local page
  running edge || return 0
  for page in status attacks rules; do
    edge_cli "$page" --json >"$RUN/$page.json"
  done
}
