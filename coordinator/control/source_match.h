// Whether a match names sources and can hold packets from one of them.
//
//   CanHoldSource(**ParseExpr("ip.src in {198.51.100.0/24} and udp.srcport == 53"), address)
//
// Fields other than ip.src count as satisfiable. Pure and thread-safe.
#ifndef BREAKWATER_COORDINATOR_CONTROL_SOURCE_MATCH_H_
#define BREAKWATER_COORDINATOR_CONTROL_SOURCE_MATCH_H_

#include "common/net/ip.h"
#include "common/rule/expr.h"

namespace breakwater::coordinator {

bool CanHoldSource(const rule::Expr& match, const net::IpAddress& source);

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_CONTROL_SOURCE_MATCH_H_
