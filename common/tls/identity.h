// Who a certificate says it is. Edges carry one URI in their certificate's subjectAltName, breakwater://edge/REGION/ID, and
// people's tools breakwater://admin/NAME; nothing else says who speaks.
//
//   absl::StatusOr<EdgeIdentity> who = ParseEdgeUri("breakwater://edge/eu-west/ams-1");
//
// Pure and thread-safe.
#ifndef BREAKWATER_COMMON_TLS_IDENTITY_H_
#define BREAKWATER_COMMON_TLS_IDENTITY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace breakwater::tls {

struct EdgeIdentity {
  std::string id;      // 1..64 of [a-z0-9._-]
  std::string region;  // 1..64 of [a-z0-9._-]
  friend auto operator<=>(const EdgeIdentity&, const EdgeIdentity&) = default;
};

std::string EdgeUri(const EdgeIdentity& identity);
absl::StatusOr<EdgeIdentity> ParseEdgeUri(std::string_view uri);

// 1..64 of [a-z0-9._-].
std::string AdminUri(std::string_view name);
absl::StatusOr<std::string> ParseAdminUri(std::string_view uri);

}  // namespace breakwater::tls

#endif  // BREAKWATER_COMMON_TLS_IDENTITY_H_
