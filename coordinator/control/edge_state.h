// What the coordinator knows of one edge: its session, its telemetry stream, how far both are.
//
// A value of Control's; not thread-safe. Bounded, whatever the edge says.
#ifndef BREAKWATER_COORDINATOR_CONTROL_EDGE_STATE_H_
#define BREAKWATER_COORDINATOR_CONTROL_EDGE_STATE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "breakwater/v1/fleet.pb.h"
#include "common/net/ip.h"
#include "common/tls/identity.h"
#include "coordinator/control/bucket.h"
#include "coordinator/control/control.h"
#include "coordinator/merge/merger.h"
#include "coordinator/rollout/progress.h"

namespace breakwater::coordinator {

struct EdgeState {
  static constexpr size_t kMaxRetired = 8;
  static constexpr size_t kMaxWaitingRules = 1024;
  static constexpr size_t kMaxRefused = 100;  // messages or windows, in a session or stream: over it that is closed

  tls::EdgeIdentity identity;
  std::string software_version;
  std::string edge_class;
  std::vector<net::IpPrefix> prefixes;
  absl::Time last_heard = absl::InfinitePast();

  // The session; 0 = none.
  SessionId session = 0;
  uint64_t boot_id = 0;  // of the session, or of the last one
  std::string peer;
  absl::Time connected = absl::InfinitePast();
  // Boots that a newer one took over from. One that comes back while that is alive is a second machine.
  std::deque<uint64_t> retired_boots;
  std::string conflict;  // of two machines with this identity, for people
  absl::Time conflict_at = absl::InfinitePast();
  v1::Heartbeat heartbeat;
  rollout::EdgeProgress progress;
  v1::SetVersion led_to;  // where what was sent in this session leads
  absl::Time led_at = absl::InfinitePast();
  bool resync = false;  // asked for a snapshot that isn't sent yet
  absl::Time last_resync = absl::InfinitePast();
  absl::Time last_jump = absl::InfinitePast();  // when revisions were passed over for it
  size_t refused_messages = 0;
  Bucket messages{4000, 1000};
  Bucket local_rules{256, 20};
  std::deque<v1::LocalRule> waiting_rules;  // over that rate

  // Telemetry; 0 = none.
  SessionId stream = 0;
  absl::Time last_window = absl::InfinitePast();
  absl::Time window_heard = absl::InfinitePast();  // when the last one came
  uint64_t unacknowledged = 0;                     // bytes that came and whose credits aren't given back
  uint64_t committing = 0;                         // of these, in the commit that is under way
  merge::Watermark watermark;                      // counted
  merge::Watermark committed;                      // and on disk
  bool acknowledge = false;                        // the watermark has to be written and told
  bool hits_changed = false;                       // of rules: they go to disk with the watermark
  absl::Duration clock_offset;
  size_t stream_refused = 0;
  uint64_t duplicate_windows = 0;
  uint64_t refused_windows = 0;
  absl::Time refused_at = absl::InfinitePast();
  std::string refused_why;
};

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_CONTROL_EDGE_STATE_H_
