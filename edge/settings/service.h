// Declared services as people write them: what a protected prefix offers, so that everything else is dropped.
//
//   ParseService("tcp/443", /*v4=*/true)            // one port
//   ParseService("udp/27015-27030 5kpps", true)     // a range, capped
//   ParseService("icmp echo 100pps", false)         // ICMPv6 echo requests, for an IPv6 prefix
//
// Pure and thread-safe.
#ifndef BREAKWATER_EDGE_SETTINGS_SERVICE_H_
#define BREAKWATER_EDGE_SETTINGS_SERVICE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "edge/datapath/datapath.h"

namespace breakwater::settings {

// PROTOCOL[/PORT[-PORT]] [RATE], "icmp echo [RATE]" or "all [RATE]". PROTOCOL is a name (tcp, udp, icmp, sctp, gre, esp,
// ah, ipip) or "ip/NUMBER". In an IPv6 prefix icmp is ICMPv6.
absl::StatusOr<datapath::Service> ParseService(std::string_view text, bool v4);

// What an address can't do without, whatever it declares: path MTU discovery (ICMP unreachable, ICMPv6 packet too big)
// and, for IPv6, neighbour discovery. Capped.
std::vector<datapath::Service> EssentialServices(bool v4);

// "tcp/443", "udp/27015-27030 5kpps", "icmp/8 100pps", "all".
std::string ServiceText(const datapath::Service& service);

}  // namespace breakwater::settings

#endif  // BREAKWATER_EDGE_SETTINGS_SERVICE_H_
