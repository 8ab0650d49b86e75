# The lab's network: namespaces, links, addresses, routes. Sourced by lab.sh. Nothing is made outside the namespaces.
#
# One region has a router (transit), visitors, an attacker and an edge. With one region their nodes are called transit,
# visitors, attacker and edge; in a fleet transit-eu, visitors-eu … The origin and the coordinator are there once.

PROTECTED4=203.0.113.10
PROTECTED6=2001:db8:10::10
PROTECTED_PREFIX4=203.0.113.0/24
PROTECTED_PREFIX6=2001:db8:10::/48
# shellcheck disable=SC2034  # all of these are used by services.sh
VISITORS4=198.51.100.0/24
VISITORS6=2001:db8:51::/48
ATTACKERS4=198.18.0.0/15
ATTACKERS6=2001:db8:a77a::/48
NEIGHBOURS4=198.18.99.0/24        # visitors amid the attackers, so that no prefix tells the two apart
NEIGHBOURS6=2001:db8:a77a:99::/64
ORIGIN4=192.0.2.2
ORIGIN_PORT=8080
COORDINATOR4=192.0.2.33

# The regions of this lab, in the order of their numbers; the single region of a lab without a fleet has no name.
REGIONS=("")

node() { echo "$1${2:+-$2}"; }  # node KIND REGION: the node's name

is_fleet() { ((${#REGIONS[@]} > 1)); }

region_number() {  # of a region's name: 0, 1 or 2
  local number
  for number in "${!REGIONS[@]}"; do
    [[ ${REGIONS[number]} == "$1" ]] && echo "$number" && return
  done
  fail "no region '$1'; there are: ${REGIONS[*]}"
}

# shellcheck disable=SC2120
all_nodes() {
  local region
  for region in "${REGIONS[@]}"; do
    echo "$(node transit "$region") $(node visitors "$region") $(node attacker "$region") $(node edge "$region")"
  done
  echo origin
  is_fleet && echo backhaul management coordinator
}

# Addresses of what there is once in a region; NUMBER is the region's.
visitor_addresses() {  # NUMBER
  local base=$((64 * $1)) n
  for n in {10..13}; do echo "198.51.100.$((base + n)) 198.18.99.$((base + n))"; done
  for n in {10..11}; do echo "$(visitors6 "$1")$n $(neighbours6 "$1")$n"; done
}
visitors6() { (($1 == 0)) && echo 2001:db8:51:: || echo "2001:db8:51:$1::"; }
neighbours6() { (($1 == 0)) && echo 2001:db8:a77a:99:: || echo "2001:db8:a77a:99:$1::"; }
edge_link6() { (($1 == 0)) && echo 2001:db8:ed:: || echo "2001:db8:ed:$1::"; }
router_address() { echo "192.0.2.$((129 + 4 * $1))"; }  # the region's router, on its link to the edge
edge_address() { echo "192.0.2.$((130 + 4 * $1))"; }
backhaul_address() { (($1 == 0)) && echo 192.0.2.1 || echo "192.0.2.$(($1 + 2))"; }  # the edge's, towards the origin
management_address() { echo "192.0.2.$((34 + $1))"; }                                # the edge's, towards the coordinator

ns() { echo "bw-lab-$LAB_ID-$1"; }

# Runs a command in a node's network namespace. (`ip netns exec` would also hide /sys and with it bpffs.)
in_node() {
  local node=$1
  shift
  nsenter --net="/run/netns/$(ns "$node")" "$@"
}

node_sysctl() {
  local node=$1 setting
  shift
  for setting in "$@"; do
    in_node "$node" sysctl -qw "$setting" || fail "can't set $setting in the $node namespace"
  done
}

# link NODE INTERFACE MAC — NODE INTERFACE MAC
link() {
  ip link add "$2" netns "$(ns "$1")" address "$3" type veth peer name "$5" netns "$(ns "$4")" address "$6" ||
    fail "can't make the link $1/$2 to $4/$5"
  in_node "$1" ip link set "$2" up
  in_node "$4" ip link set "$5" up
}

ipv4() { in_node "$1" ip addr add "$3" dev "$2"; }
ipv6() { in_node "$1" ip -6 addr add "$3" dev "$2" nodad; }

# The edge's link to its router and what hangs on it. In a fleet the router learns the protected prefixes by BGP.
make_uplink() {
  local region=${1-${REGIONS[0]}} number edge transit link6
  number=$(region_number "$region") edge=$(node edge "$region") transit=$(node transit "$region")
  link6=$(edge_link6 "$number")
  link "$edge" up0 02:00:00:00:03:02 "$transit" edge0 02:00:00:00:03:01
  ipv4 "$transit" edge0 "$(router_address "$number")/30"
  ipv4 "$edge" up0 "$(edge_address "$number")/30"
  ipv6 "$transit" edge0 "${link6}1/64"
  ipv6 "$edge" up0 "${link6}2/64"
  if ! is_fleet; then
    in_node "$transit" ip route add "$PROTECTED_PREFIX4" via "$(edge_address "$number")"
    in_node "$transit" ip -6 route add "$PROTECTED_PREFIX6" via "${link6}2"
  fi
  in_node "$edge" ip route add default via "$(router_address "$number")"
  in_node "$edge" ip -6 route add default via "${link6}1"
}

# As when a driver is reloaded: the interface is gone, and everything attached to it.
cut_uplink() { in_node "$(node edge "${1-${REGIONS[0]}}")" ip link del up0; }

make_node() {
  local node=$1
  ip netns add "$(ns "$node")" 2>"$RUN/netns.err" ||
    fail "can't make the network namespace $(ns "$node"): $(<"$RUN/netns.err"). The lab needs root (CAP_SYS_ADMIN) and a kernel with network namespaces"
  in_node "$node" ip link set lo up
  node_sysctl "$node" net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.default.accept_ra=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
}

make_region() {  # REGION: visitors, attacker and edge around a router
  local region=$1 number base address edge transit visitors attacker
  number=$(region_number "$region") base=$((64 * number))
  edge=$(node edge "$region") transit=$(node transit "$region")
  visitors=$(node visitors "$region") attacker=$(node attacker "$region")
  node_sysctl "$transit" net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
    net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1
  link "$visitors" up0 02:00:00:00:01:02 "$transit" visitors0 02:00:00:00:01:01
  link "$attacker" up0 02:00:00:00:02:02 "$transit" attacker0 02:00:00:00:02:01

  # Visitors: some addresses of each family, one router.
  ipv4 "$transit" visitors0 "198.51.100.$((base + 1))/26"
  ipv4 "$transit" visitors0 "198.18.99.$((base + 1))/26"
  ipv6 "$transit" visitors0 "$(visitors6 "$number")1/64"
  ipv6 "$transit" visitors0 "$(neighbours6 "$number")1/80"
  for address in $(visitor_addresses "$number"); do
    case $address in
      2001:db8:a77a:*) ipv6 "$visitors" up0 "$address/80" ;;
      *:*) ipv6 "$visitors" up0 "$address/64" ;;
      *) ipv4 "$visitors" up0 "$address/26" ;;
    esac
  done
  in_node "$visitors" ip route add default via "198.51.100.$((base + 1))"
  in_node "$visitors" ip -6 route add default via "$(visitors6 "$number")1"

  # The attacker sends frames by itself; its sources don't exist, so answers to them end at the first router.
  ipv4 "$transit" attacker0 "198.19.255.$((4 * number + 1))/30"
  ipv4 "$attacker" up0 "198.19.255.$((4 * number + 2))/30"
  in_node "$transit" ip route add blackhole "$ATTACKERS4"
  in_node "$transit" ip -6 route add blackhole "$ATTACKERS6"

  # The edge: the protected addresses live on its loopback, as anycast ones do; the rest of the prefix isn't used.
  make_uplink "$region"
  in_node "$edge" ip addr add "$PROTECTED4/32" dev lo
  in_node "$edge" ip -6 addr add "$PROTECTED6/128" dev lo nodad
  in_node "$edge" ip route add blackhole "$PROTECTED_PREFIX4"
  in_node "$edge" ip -6 route add blackhole "$PROTECTED_PREFIX6"
  node_sysctl "$edge" net.ipv4.ip_unprivileged_port_start=80
}

# switch NODE: a bridge that everything of a network hangs on.
make_switch() {
  in_node "$1" ip link add switch0 type bridge stp_state 0 || fail "can't make a bridge in the $1 namespace"
  in_node "$1" ip link set switch0 up
}

plug() {  # plug SWITCH NODE INTERFACE MAC ADDRESS
  local port
  port=p$(in_node "$1" ip -o link show type veth | wc -l)
  link "$2" "$3" "$4" "$1" "$port" "02:00:00:00:0f:0${port#p}"
  in_node "$1" ip link set "$port" master switch0
  ipv4 "$2" "$3" "$5"
}

# Between the regions' routers: a full mesh. What a link costs is BGP's business (bird.sh).
make_mesh() {
  local a b link=0
  for a in "${!REGIONS[@]}"; do
    for ((b = a + 1; b < ${#REGIONS[@]}; b++)); do
      local here=${REGIONS[a]} there=${REGIONS[b]}
      link "transit-$here" "to-$there" "02:00:00:00:05:${link}1" "transit-$there" "to-$here" "02:00:00:00:05:${link}2"
      ipv4 "transit-$here" "to-$there" "$(mesh_address "$a" "$b")/30"
      ipv4 "transit-$there" "to-$here" "$(mesh_address "$b" "$a")/30"
      ipv6 "transit-$here" "to-$there" "$(mesh_address6 "$a" "$b")/64"
      ipv6 "transit-$there" "to-$here" "$(mesh_address6 "$b" "$a")/64"
      link=$((link + 1))
    done
  done
}
# The address of router A on its link to router B.
mesh_address() { echo "192.0.2.$((160 + 4 * ($1 + $2 - 1) + ($1 < $2 ? 1 : 2)))"; }
mesh_address6() { echo "2001:db8:ee:$(($1 + $2))::$(($1 < $2 ? 1 : 2))"; }

make_topology() {
  local node region number
  for node in $(all_nodes); do make_node "$node"; done
  for region in "${REGIONS[@]}"; do make_region "$region"; done
  # The origin knows nobody but the edges, and no router has a route to it.
  if ! is_fleet; then
    link edge origin0 02:00:00:00:04:01 origin up0 02:00:00:00:04:02
    ipv4 edge origin0 192.0.2.1/28
    ipv4 origin up0 "$ORIGIN4/28"
    return
  fi
  make_mesh
  make_switch backhaul
  make_switch management
  plug backhaul origin up0 02:00:00:00:04:02 "$ORIGIN4/28"
  plug management coordinator up0 02:00:00:00:06:02 "$COORDINATOR4/28"
  for region in "${REGIONS[@]}"; do
    number=$(region_number "$region")
    plug backhaul "edge-$region" origin0 "02:00:00:00:04:1$number" "$(backhaul_address "$number")/28"
    plug management "edge-$region" mgmt0 "02:00:00:00:06:1$number" "$(management_address "$number")/28"
  done
}

remove_topology() {
  local name
  for name in $(lab_namespaces); do
    ip netns del "$name" || warn "couldn't remove the namespace $name"
  done
}

# Every namespace of this lab, whatever state it is in.
lab_namespaces() {
  local path
  for path in "/run/netns/bw-lab-$LAB_ID-"*; do
    [[ -e $path ]] && basename "$path"
  done
}
