/* Why a packet passed or was dropped. Numbers are stable: append only. C for the packet filter, C++ for everyone else. */
#ifndef BREAKWATER_EDGE_DATAPATH_REASON_H_
#define BREAKWATER_EDGE_DATAPATH_REASON_H_

/* X(NUMBER, ID, NAME, DROPS, DESCRIPTION) */
#define BW_REASONS(X)                                                                              \
  X(0, PASS_NO_POLICY, "pass_no_policy", 0, "destination is in no protected prefix")               \
  X(1, PASS_NOT_IP, "pass_not_ip", 0, "neither IPv4 nor IPv6 behind at most two VLAN tags")        \
  X(2, PASS_UNPARSED, "pass_unparsed", 0, "headers cut short or contradictory; left to the stack") \
  X(3, PASS_SOURCE_ALLOWED, "pass_source_allowed", 0, "allow entry for its source and service")    \
  X(4, PASS_DECLARED, "pass_declared", 0, "a declared service, and no rule said otherwise")        \
  X(5, PASS_RULE, "pass_rule", 0, "a rule with action allow")                                      \
  X(6, PASS_UNDECLARED, "pass_undeclared", 0, "not declared, within what the policy lets pass")    \
  X(7, PASS_PANIC, "pass_panic", 0, "would have been dropped, but enforcing is stopped")           \
  X(16, DROP_SOURCE_BLOCKED, "drop_source_blocked", 1, "its source is blocked")                    \
  X(17, DROP_UNDECLARED, "drop_undeclared", 1, "the prefix doesn't declare this service")          \
  X(18, DROP_SERVICE_CAP, "drop_service_cap", 1, "over the declared service's rate cap")           \
  X(19, DROP_RULE, "drop_rule", 1, "a rule with action drop")                                      \
  X(20, DROP_RULE_RATE_LIMIT, "drop_rule_rate_limit", 1, "over a rate_limit rule's rate")

enum bw_reason {
#define BW_REASON_ENUM(number, id, name, drops, description) BW_REASON_##id = number,
  BW_REASONS(BW_REASON_ENUM)
#undef BW_REASON_ENUM
      BW_REASON_MAX = 32
};

#endif /* BREAKWATER_EDGE_DATAPATH_REASON_H_ */
