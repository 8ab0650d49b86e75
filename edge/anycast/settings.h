// What an edge says to BIRD, and which checks decide it: section "anycast" of the edge's configuration.
//
//   const anycast::Settings settings = anycast::ReadSettings(root.Get("anycast"));
//   if (settings.enabled()) ...
//   absl::StatusOr<anycast::Settings> s = anycast::LoadSettings("/etc/breakwater/edge.yaml");   // this section alone
#ifndef BREAKWATER_EDGE_ANYCAST_SETTINGS_H_
#define BREAKWATER_EDGE_ANYCAST_SETTINGS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/config.h"
#include "common/http/address.h"

namespace breakwater::anycast {

// How an edge stands in BGP; a larger one attracts more.
enum class Presence { kWithdrawn = 0, kDeprefered = 1, kAnnounced = 2 };
std::string_view PresenceName(Presence presence);  // "withdrawn", "de-preferred", "announced"

struct CheckSettings {
  std::string name;  // 1 to 32 of a-z 0-9 _
  std::string url;   // as written
  http::SocketAddress address;
  std::string path;  // of an HTTP check; empty = connecting is enough
  std::string host;  // its Host header
  // What becomes of the announcement while it fails. A cause that may strike every edge at once, such as the origin's,
  // de-prefers: when all do, nothing changes, and the network isn't gone.
  Presence on_failure = Presence::kWithdrawn;

  friend bool operator==(const CheckSettings& a, const CheckSettings& b) {
    return a.name == b.name && a.url == b.url && a.host == b.host && a.on_failure == b.on_failure;
  }
};

struct Settings {
  static constexpr size_t kMaxProtocols = 16;  // of each list
  static constexpr size_t kMaxChecks = 8;

  std::string bird_socket = "/run/bird/bird.ctl";
  std::vector<std::string> announce;  // BIRD's protocols that originate the prefixes; empty = BIRD is left alone
  std::vector<std::string> deprefer;  // those that originate them as less preferred; may be empty
  std::vector<CheckSettings> checks;
  absl::Duration interval = absl::Seconds(1);
  absl::Duration timeout = absl::Milliseconds(500);  // of one check
  int rise = 2;                                      // good results before a check counts as good
  int fall = 3;                                      // bad results before it counts as failed
  absl::Duration drain_wait = absl::Seconds(10);     // de-preferred that long before a drain withdraws
  absl::Duration stop_wait = absl::Seconds(3);       // and before the process ends
  int flap_limit = 5;                                // failures within flap_window before it isn't trusted at once
  absl::Duration flap_window = absl::Minutes(10);

  bool enabled() const { return !announce.empty(); }
  friend bool operator==(const Settings&, const Settings&) = default;
};

// Reports mistakes to the value's document. An absent value gives settings that aren't enabled.
Settings ReadSettings(const config::Value& value);

// Only this section of a configuration, whatever is wrong with the others: what is announced must be withdrawn also when
// somebody broke the rest of the file.
absl::StatusOr<Settings> LoadSettings(const std::string& path);

}  // namespace breakwater::anycast

#endif  // BREAKWATER_EDGE_ANYCAST_SETTINGS_H_
