// "coordinator:" of an edge's configuration: where its coordinators are and whom it believes.
//
//   std::optional<Coordinator> c = ReadCoordinator(root.Get("coordinator"));   // nullopt: a lone edge
//
// Reads no file that it names: certificates and keys are loaded at the start (edge/app).
#ifndef BREAKWATER_EDGE_SETTINGS_COORDINATOR_H_
#define BREAKWATER_EDGE_SETTINGS_COORDINATOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"

namespace breakwater::settings {

struct Coordinator {
  static constexpr size_t kMaxAddresses = 16;
  static constexpr size_t kMaxRuleKeys = 8;

  std::vector<std::string> addresses;  // "host:port"
  std::string ca, certificate, key;    // paths of PEM files
  std::vector<std::string> rule_keys;  // paths of PEM files: public keys that may sign rules
  uint64_t queue_bytes = uint64_t{16} << 20;
  absl::Duration reconnect_max = absl::Seconds(30);  // the longest pause between two attempts

  friend bool operator==(const Coordinator&, const Coordinator&) = default;
};

std::optional<Coordinator> ReadCoordinator(const config::Value& value);

}  // namespace breakwater::settings

#endif  // BREAKWATER_EDGE_SETTINGS_COORDINATOR_H_
