// The coordinator over gRPC with mutual TLS.
//
//   absl::StatusOr<std::unique_ptr<AdminClient>> client = ConnectGrpc(connection, absl::Seconds(10));
//
// Connects with the first call. When a call can't reach the coordinator, the error says why as exactly as the network tells:
// which address, refused or silent, whose certificate is trusted by whom.
#ifndef BREAKWATER_COORDINATOR_CLI_GRPC_CLIENT_H_
#define BREAKWATER_COORDINATOR_CLI_GRPC_CLIENT_H_

#include <memory>

#include "coordinator/cli/admin_client.h"

namespace breakwater::cli {

// Errors: a certificate or key can't be read.
absl::StatusOr<std::unique_ptr<AdminClient>> ConnectGrpc(const Connection& connection, absl::Duration timeout);

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_GRPC_CLIENT_H_
