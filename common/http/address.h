// Reads "127.0.0.1:9550" and "[::1]:9550".
#ifndef BREAKWATER_COMMON_HTTP_ADDRESS_H_
#define BREAKWATER_COMMON_HTTP_ADDRESS_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/net/ip.h"

namespace breakwater::http {

struct SocketAddress {
  net::IpAddress address;
  uint16_t port = 0;
};

// An address, never a name: what a daemon listens on must not depend on a resolver.
absl::StatusOr<SocketAddress> ParseSocketAddress(std::string_view text);

}  // namespace breakwater::http

#endif  // BREAKWATER_COMMON_HTTP_ADDRESS_H_
