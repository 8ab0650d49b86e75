// Whether a message of a session or of telemetry keeps the bounds that stand beside its fields in
// proto/breakwater/v1/fleet.proto and telemetry.proto. Both sides check what they are about to send and what they read.
//
//   if (absl::Status s = CheckEdgeMessage(message); !s.ok()) refuse(s);   // "delta.upserts has 1025, the limit is 1024"
//
// Form only: no signature is verified, no rule and no window is read (rule_wire.h and window_wire.h do that, so that a bad
// one is refused alone). Time is bounded by the size of the message. Pure and thread-safe.
#ifndef BREAKWATER_COMMON_FLEET_SESSION_WIRE_H_
#define BREAKWATER_COMMON_FLEET_SESSION_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "breakwater/v1/fleet.pb.h"
#include "breakwater/v1/telemetry.pb.h"

namespace breakwater::fleet {

inline constexpr uint32_t kProtocolVersion = 1;

struct SessionBounds {
  static constexpr size_t kMessage = size_t{4} << 20;  // bytes, serialised
  static constexpr size_t kName = 64;                  // ids, versions, capabilities
  static constexpr size_t kReason = 256;
  static constexpr size_t kNote = 1024;
  static constexpr int kCapabilities = 64;
  static constexpr int kQuarantined = 8;
  static constexpr int kPrefixes = 1024;
  static constexpr size_t kPrefix = 43;
  static constexpr int kStatuses = 1024;
  static constexpr int kInterfaces = 64;
  static constexpr size_t kInterfaceName = 15;
  static constexpr size_t kRule = 65536;      // a signed rule's bytes
  static constexpr size_t kManifest = 65536;  // content
  static constexpr size_t kStop = 4096;       // content
  static constexpr size_t kView = 128;
  static constexpr uint32_t kRulesInSet = 10000;
  static constexpr uint32_t kChunks = 1024;
  static constexpr int kRulesInChunk = 1024;
  static constexpr int kUpserts = 1024;
  static constexpr int kRemovals = 1024;
  static constexpr int kAttackRules = 8;
  static constexpr int kVectors = 96;
  static constexpr size_t kCsr = 16384;
  static constexpr int kCertificates = 8;
  static constexpr size_t kCertificate = 16384;
  static constexpr int kCoordinators = 16;
  static constexpr size_t kCoordinator = 261;
  static constexpr uint32_t kGoAwayJitterMs = 120000;
  static constexpr uint32_t kMinHeartbeatMs = 100;
  static constexpr uint32_t kMaxHeartbeatMs = 60000;
  static constexpr int kWindows = 16;  // in a TelemetryUp
  static constexpr int kGrants = 256;
  static constexpr uint64_t kCredits = uint64_t{1} << 30;
  static constexpr uint32_t kMinInterval = 60000;  // ms
};

// 1..64 of [a-z0-9._-]: ids of rules, attacks, edges and regions.
bool IsName(std::string_view text);

// InvalidArgument errors name the field, the value and the limit; also for a message of a kind that isn't known here.
absl::Status CheckEdgeMessage(const v1::EdgeMessage& message);
absl::Status CheckCoordinatorMessage(const v1::CoordinatorMessage& message);
// Of the windows only their number.
absl::Status CheckTelemetryUp(const v1::TelemetryUp& message);
absl::Status CheckTelemetryDown(const v1::TelemetryDown& message);

// What is inside the signed bytes; they are to be verified first. Fields that aren't known here are passed over, so that a
// newer coordinator can lead older edges.
absl::StatusOr<v1::ManifestContent> ParseManifest(std::string_view content);
absl::StatusOr<v1::StopEnforcingContent> ParseStop(std::string_view content);

// "epoch 3, revision 17".
std::string VersionText(const v1::SetVersion& version);
// Of two versions: whether `a` is older than `b`, by epoch and then revision.
bool OlderThan(const v1::SetVersion& a, const v1::SetVersion& b);
bool SameVersion(const v1::SetVersion& a, const v1::SetVersion& b);  // hash included

}  // namespace breakwater::fleet

#endif  // BREAKWATER_COMMON_FLEET_SESSION_WIRE_H_
