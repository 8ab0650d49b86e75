// Why a coordinator can't be reached: one connection of its own with TLS, as gRPC would make it, which says at what it ended.
//
//   absl::Status why = ProbeTls(connection, material, absl::Seconds(5));
//
// OK: TLS works from here, so the reason is another. Unavailable: no name, no route, refused, silent, or no TLS.
// Unauthenticated: one side doesn't trust the other's certificate. FailedPrecondition: our own files don't fit together.
// Sends nothing but the handshake. Blocks for at most the timeout. Thread-safe.
#ifndef BREAKWATER_COORDINATOR_CLI_TLS_PROBE_H_
#define BREAKWATER_COORDINATOR_CLI_TLS_PROBE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/tls/credentials.h"
#include "coordinator/cli/connection.h"

namespace breakwater::cli {

absl::Status ProbeTls(const Connection& connection, const tls::Material& material, absl::Duration timeout);

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_TLS_PROBE_H_
