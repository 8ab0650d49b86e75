// What an edge needs to speak to its coordinators: its certificate, who it is by that, and whose rules it believes.
//
//   absl::StatusOr<Access> access = LoadAccess(*config.coordinator, config.control.edge_id);
//
// Reads the files that the configuration names. Errors name the file and what to do.
#ifndef BREAKWATER_EDGE_APP_ACCESS_H_
#define BREAKWATER_EDGE_APP_ACCESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/fleet/signing.h"
#include "common/tls/credentials.h"
#include "edge/settings/coordinator.h"

namespace breakwater::app {

struct Access {
  tls::Material material;
  tls::EdgeIdentity identity;
  fleet::TrustedKeys keys;
};

// An error as well when the certificate is for another edge than edge_id.
absl::StatusOr<Access> LoadAccess(const settings::Coordinator& coordinator, const std::string& edge_id);

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_ACCESS_H_
