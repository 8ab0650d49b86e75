# The fleet's coordinator: certificates made for this lab alone, the process, and a way to its page from this machine. Sourced
# by lab.sh.

COORDINATOR_UID=64103
COORDINATOR_EDGES_PORT=7442
COORDINATOR_API=127.0.0.1:7443
COORDINATOR_HTTP=127.0.0.1:8640

coordinator_program() { program_of coordinator BREAKWATER_COORDINATOR breakwater-coordinator; }
bwctl_program() { program_of bwctl BREAKWATER_BWCTL bwctl; }

# certificate NAME EXTENSION: $RUN/pki/NAME.pem and .key, signed by the lab's authority.
certificate() {
  local name=$1 extension=$2 pki=$RUN/pki
  {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout "$pki/$name.key" -out "$pki/$name.csr" &&
      openssl x509 -req -in "$pki/$name.csr" -CA "$pki/ca.pem" -CAkey "$pki/ca.key" -CAcreateserial -days 2 -out "$pki/$name.pem" \
        -extfile <(printf 'subjectAltName=%s\nbasicConstraints=critical,CA:false\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n' "$extension")
  } 2>>"$RUN/log/pki.log" || fail_with_logs "can't make the certificate $name" pki
}

make_pki() {
  local region pki=$RUN/pki
  mkdir -p "$pki"
  openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Breakwater lab" -days 2 \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$pki/ca.key" -out "$pki/ca.pem" 2>>"$RUN/log/pki.log" || fail_with_logs "can't make certificates" pki
  certificate coordinator "DNS:localhost,IP:127.0.0.1,IP:$COORDINATOR4"
  certificate admin "URI:breakwater://admin/lab"
  for region in "${REGIONS[@]}"; do
    certificate "edge-$region" "URI:breakwater://edge/$region/$region"
    install -o "$EDGE_UID" -g "$EDGE_UID" -m 0400 "$pki/edge-$region.key" "$(edge_directory "$region")/edge.key"
  done
  chmod 0600 "$pki"/*.key
  install -o "$COORDINATOR_UID" -g "$COORDINATOR_UID" -m 0700 -d "$RUN/coordinator"
  install -o "$COORDINATOR_UID" -g "$COORDINATOR_UID" -m 0400 "$pki/coordinator.key" "$RUN/coordinator/tls.key"
}

make_coordinator_config() {
  sed -e "s|@RUN@|$RUN|g; s|@EDGES@|$COORDINATOR4:$COORDINATOR_EDGES_PORT|g; s|@API@|$COORDINATOR_API|g" \
    -e "s|@HTTP@|$COORDINATOR_HTTP|g" "$LAB_DIR/coordinator.yaml" >"$RUN/coordinator.yaml"
}

coordinator_ready() { in_node coordinator "$PYTHON" -c \
  "import urllib.request as r; r.urlopen('http://$COORDINATOR_HTTP/readyz', timeout=1)"; }

start_coordinator() {
  local program
  program=$(coordinator_program) || exit 1
  program=$(runnable "$COORDINATOR_UID" "$program") || exit 1
  # shellcheck disable=SC2046
  spawn coordinator coordinator $(as_user "$COORDINATOR_UID") "$program" run --config "$RUN/coordinator.yaml"
}

require_coordinator() {
  wait_for 10 coordinator_ready || fail_with_logs "the coordinator isn't ready within 10 s" coordinator
}

# Everything around the coordinator, before the edges start: they need the key that signs rules.
make_coordinator() {
  make_pki
  make_coordinator_config
  start_coordinator
  require_coordinator
  install -m 0444 "$RUN/coordinator/signing.key.pub" "$RUN/pki/rules.pub" || fail_with_logs "no public key of the coordinator" coordinator
  start_relay
}

# The page for a browser on this machine: connections to a loopback port here go on in the coordinator's namespace.
start_relay() {
  # shellcheck disable=SC2046
  spawn_here relay $(helper relay) --listen "$COORDINATOR_HTTP" --to "$COORDINATOR_HTTP" \
    --namespace "$(ns coordinator)" --log "$RUN/page"
  wait_for 5 test -s "$RUN/page" || fail_with_logs "the page can't be reached from here" relay
}

page_address() { [[ -s $RUN/page ]] && echo "http://$(<"$RUN/page")/"; }

# bwctl with the lab's certificate of an administrator.
bwctl() {
  local program
  program=$(bwctl_program) || exit 1
  in_node coordinator "$program" -s "$COORDINATOR_API" --ca "$RUN/pki/ca.pem" --cert "$RUN/pki/admin.pem" \
    --key "$RUN/pki/admin.key" "$@"
}

coordinator_command() {
  require_up
  case ${1:-} in
    start)
      ! running coordinator || fail "the coordinator runs already"
      start_coordinator
      require_coordinator
      ;;
    stop) stop_service coordinator ;;
    kill) stop_service coordinator KILL ;;
    *) fail "coordinator: start, stop or kill" ;;
  esac
}
