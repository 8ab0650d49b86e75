# The lab's network: namespaces, links, addresses, routes. Sourced by lab.sh. Nothing is made outside the namespaces.

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
VISITOR_ADDRESSES=(198.51.100.{10..13} 198.18.99.{10..13} 2001:db8:51::{10..11} 2001:db8:a77a:99::{10..11})
ORIGIN4=192.0.2.2
ORIGIN_PORT=8080
NODES=(transit visitors attacker edge origin)

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

# The edge's link to transit and what hangs on it.
make_uplink() {
  link edge up0 02:00:00:00:03:02 transit edge0 02:00:00:00:03:01
  ipv4 transit edge0 192.0.2.129/30
  ipv4 edge up0 192.0.2.130/30
  ipv6 transit edge0 2001:db8:ed::1/64
  ipv6 edge up0 2001:db8:ed::2/64
  in_node transit ip route add "$PROTECTED_PREFIX4" via 192.0.2.130
  in_node transit ip -6 route add "$PROTECTED_PREFIX6" via 2001:db8:ed::2
  in_node edge ip route add default via 192.0.2.129
  in_node edge ip -6 route add default via 2001:db8:ed::1
}

# As when a driver is reloaded: the interface is gone, and everything attached to it.
cut_uplink() { in_node edge ip link del up0; }

make_topology() {
  local node address
  for node in "${NODES[@]}"; do
    ip netns add "$(ns "$node")" 2>"$RUN/netns.err" ||
      fail "can't make the network namespace $(ns "$node"): $(<"$RUN/netns.err"). The lab needs root (CAP_SYS_ADMIN) and a kernel with network namespaces"
    in_node "$node" ip link set lo up
    node_sysctl "$node" net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
      net.ipv6.conf.default.accept_ra=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
  done
  node_sysctl transit net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

  link visitors up0 02:00:00:00:01:02 transit visitors0 02:00:00:00:01:01
  link attacker up0 02:00:00:00:02:02 transit attacker0 02:00:00:00:02:01
  link edge origin0 02:00:00:00:04:01 origin up0 02:00:00:00:04:02

  # Visitors: some addresses of each family, one router.
  ipv4 transit visitors0 198.51.100.1/24
  ipv4 transit visitors0 198.18.99.1/24
  ipv6 transit visitors0 2001:db8:51::1/64
  ipv6 transit visitors0 2001:db8:a77a:99::1/64
  for address in "${VISITOR_ADDRESSES[@]}"; do
    if [[ $address == *:* ]]; then ipv6 visitors up0 "$address/64"; else ipv4 visitors up0 "$address/24"; fi
  done
  in_node visitors ip route add default via 198.51.100.1
  in_node visitors ip -6 route add default via 2001:db8:51::1

  # The attacker sends frames by itself; its sources don't exist, so answers to them end in transit.
  ipv4 transit attacker0 198.19.255.1/24
  ipv4 attacker up0 198.19.255.2/24
  in_node transit ip route add blackhole "$ATTACKERS4"
  in_node transit ip -6 route add blackhole "$ATTACKERS6"

  # The edge: the protected addresses live on its loopback, as anycast ones do; the rest of the prefix isn't used.
  make_uplink
  in_node edge ip addr add "$PROTECTED4/32" dev lo
  in_node edge ip -6 addr add "$PROTECTED6/128" dev lo nodad
  in_node edge ip route add blackhole "$PROTECTED_PREFIX4"
  in_node edge ip -6 route add blackhole "$PROTECTED_PREFIX6"
  node_sysctl edge net.ipv4.ip_unprivileged_port_start=80

  # The origin knows nobody but the edge, and transit has no route to it.
  ipv4 edge origin0 192.0.2.1/28
  ipv4 origin up0 "$ORIGIN4/28"
}

remove_topology() {
  local node
  for node in "${NODES[@]}"; do
    if [[ -e /run/netns/$(ns "$node") ]]; then
      ip netns del "$(ns "$node")" || warn "couldn't remove the namespace $(ns "$node")"
    fi
  done
}
