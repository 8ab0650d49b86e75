// Short ways to write rulesets in tests. What can't be parsed is a test failure and crashes.
#ifndef BREAKWATER_EDGE_DATAPATH_TEST_RULES_H_
#define BREAKWATER_EDGE_DATAPATH_TEST_RULES_H_

#include <string>
#include <string_view>

#include "edge/datapath/datapath.h"

namespace breakwater::datapath {

inline net::IpAddress Ip(std::string_view text) { return net::IpAddress::Parse(text).value(); }
inline net::IpPrefix Prefix(std::string_view text) { return net::IpPrefix::Parse(text).value(); }

// Declares TCP 80 and 443, UDP 40443, and ICMP echo; drops everything else.
inline Policy Web(std::string_view prefix) {
  return {.prefix = Prefix(prefix),
          .services = {{.protocol = 6, .port_lo = 80, .port_hi = 80},
                       {.protocol = 6, .port_lo = 443, .port_hi = 443},
                       {.protocol = 17, .port_lo = 40443, .port_hi = 40443},
                       {.protocol = 1, .port_lo = 8, .port_hi = 8}}};
}

// Declares everything.
inline Policy Open(std::string_view prefix) { return {.prefix = Prefix(prefix), .services = {Service{}}}; }

inline RuleEntry Rule(std::string_view id, uint32_t slot, std::string_view match,
                      rule::Mode mode = rule::Mode::kEnforce, rule::ActionKind action = rule::ActionKind::kDrop) {
  RuleEntry entry;
  entry.rule.id = std::string(id);
  entry.rule.match = rule::ParseExpr(match).value();
  entry.rule.mode = mode;
  entry.rule.action.kind = action;
  entry.counter_slot = slot;
  return entry;
}

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_TEST_RULES_H_
