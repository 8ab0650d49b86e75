# BGP of the lab's fleet: a BIRD on each edge, which announces the protected prefixes when its edge says so, and one on each
# region's router, between which the visitors' and the protected prefixes travel. Sourced by lab.sh.

EDGE_AS=64500                # one for all edges, as anycast has it
ROUTER_AS=(64601 64602 64603)
BIRD_GROUP=bird              # who may use BIRD's control socket

bird_directory() { echo "$RUN/bird-$1"; }  # NODE

# mesh_cost A B: how often the AS path is made longer on the link between two regions. The first and the last are far apart.
mesh_cost() { (($1 + $2 == 2 && $1 != $2)) && echo 1 || echo 0; }

# How every session ends soon when its other side is silent: hold time 3 s, the shortest there is.
BGP_TIMERS="hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;"

# write_router_config REGION
write_router_config() {
  local region=$1 number peer other prepend n
  number=$(region_number "$region")
  cat <<CONF
router id $(router_address "$number");
log stderr { warning, error, fatal, bug };
protocol device {}
protocol direct { ipv4; ipv6; interface "visitors0"; }
protocol kernel { merge paths on; ipv4 { import none; export where source = RTS_BGP; }; }
protocol kernel { merge paths on; ipv6 { import none; export where source = RTS_BGP; }; }
# A peer that drains says so by the well-known community (RFC 8326); then any other way is better.
filter from_peer { if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; }
template bgp session { local as ${ROUTER_AS[number]}; $BGP_TIMERS }
CONF
  local v4 v6
  v4=$(edge_address "$number") v6=$(edge_link6 "$number")2
  cat <<CONF
protocol bgp edge4 from session { neighbor $v4 as $EDGE_AS; ipv4 { import filter from_peer; export none; }; }
protocol bgp edge6 from session { neighbor $v6 as $EDGE_AS; ipv6 { import filter from_peer; export none; }; }
CONF
  for peer in "${!REGIONS[@]}"; do
    [[ $peer != "$number" ]] || continue
    other=${REGIONS[peer]} prepend=
    for ((n = $(mesh_cost "$number" "$peer"); n > 0; n--)); do prepend+=" bgp_path.prepend(${ROUTER_AS[number]});"; done
    cat <<CONF
filter to_$other {$prepend accept; }
protocol bgp ${other}4 from session {
  neighbor $(mesh_address "$peer" "$number") as ${ROUTER_AS[peer]};
  ipv4 { import filter from_peer; export filter to_$other; };
}
protocol bgp ${other}6 from session {
  neighbor $(mesh_address6 "$peer" "$number") as ${ROUTER_AS[peer]};
  ipv6 { import filter from_peer; export filter to_$other; };
}
CONF
  done
}

# write_edge_bird_config REGION ANNOUNCE: "edge", and nothing is announced until the edge says so; or "always".
write_edge_bird_config() {
  local number disabled="disabled; "
  number=$(region_number "$1")
  [[ $2 == edge ]] || disabled=
  sed -e "s|@ROUTER_ID@|$(edge_address "$number")|g; s|@PREFIX4@|$PROTECTED_PREFIX4|g; s|@PREFIX6@|$PROTECTED_PREFIX6|g" \
    -e "s|@LOCAL_AS@|$EDGE_AS|g; s|@PEER_AS@|${ROUTER_AS[number]}|g; s|@TIMERS@|$BGP_TIMERS|g" \
    -e "s|@PEER4@|$(router_address "$number")|g; s|@PEER6@|$(edge_link6 "$number")1|g" \
    -e "s|@DISABLED@|$disabled|g" "$LAB_DIR/bird-edge.conf"
}

start_bird() {  # NODE; its configuration is on standard input
  local directory
  directory=$(bird_directory "$1")
  mkdir -p "$directory"
  cat >"$directory/bird.conf"
  chown -R "bird:$BIRD_GROUP" "$directory"
  spawn "bird-$1" "$1" bird -f -u bird -g "$BIRD_GROUP" -c "$directory/bird.conf" -s "$directory/bird.ctl" -P "$directory/bird.pid"
}

start_edge_bird() { write_edge_bird_config "$1" "$2" | start_bird "edge-$1"; }

# start_bgp: $RUN/announce holds who decides what is announced, as in write_edge_bird_config.
start_bgp() {
  local region
  getent group "$BIRD_GROUP" >/dev/null || fail "no group $BIRD_GROUP; on Debian 12: apt-get install bird2"
  for region in "${REGIONS[@]}"; do
    write_router_config "$region" | start_bird "transit-$region"
    start_edge_bird "$region" "$(<"$RUN/announce")"
  done
  for region in "${REGIONS[@]}"; do
    wait_for 10 sessions_up "$region" || fail_with_logs "BGP isn't up in $region within 10 s" "bird-transit-$region" "bird-edge-$region"
  done
}

bird_cli() { birdc -s "$(bird_directory "$1")/bird.ctl" "${@:2}"; }

# Every session of a region's router is established.
sessions_up() {
  local sessions
  sessions=$(bird_cli "transit-$1" show protocols | awk '$2 == "BGP"') || return 1
  [[ -n $sessions && $(grep -vc Established <<<"$sessions") == 0 ]]
}
