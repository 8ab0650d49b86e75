// Windows to and from the telemetry contract (proto/breakwater/v1/telemetry.proto).
//
//   absl::StatusOr<std::string> bytes = window::Serialize(w);
//   absl::StatusOr<Window> back = window::Parse(*bytes);
//
// Every bound of the contract is checked both ways; an error names the field, the value and the limit, such as
// "traffic[3].counts.packets[0] is 99999999999999999, the limit is 72057594037927936". Counts of 0 aren't carried.
// Parse is meant for hostile bytes: time and memory are bounded by their length. Pure and thread-safe.
#ifndef BREAKWATER_COMMON_WINDOW_WINDOW_WIRE_H_
#define BREAKWATER_COMMON_WINDOW_WINDOW_WIRE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "breakwater/v1/telemetry.pb.h"
#include "common/window/window.h"

namespace breakwater::window {

struct WireBounds {
  static constexpr size_t kBytes = size_t{2} << 20;  // of a whole window
  static constexpr int kTargets = 8192;
  static constexpr int kTrafficRows = 16384;
  static constexpr int kRules = 10000;
  static constexpr int kRuleId = 64;  // bytes
  static constexpr int kGatewaySites = 1024;
  static constexpr int kSiteName = 253;  // bytes
  static constexpr int kSketches = 64;
  static constexpr int kSamples = 512;
  static constexpr uint64_t kSequenceSpan = 1023;
  static constexpr uint32_t kMerged = 1000000;
  static constexpr uint32_t kSampleWeight = 1u << 24;
  static constexpr uint32_t kIpLength = 131071;
};

absl::StatusOr<breakwater::v1::Window> ToProto(const Window& window);
absl::StatusOr<Window> FromProto(const breakwater::v1::Window& message);

absl::StatusOr<std::string> Serialize(const Window& window);
absl::StatusOr<Window> Parse(std::string_view bytes);

// For the messages beside windows that name a target.
breakwater::v1::Target TargetToProto(const Target& target);
absl::StatusOr<Target> TargetFromProto(const breakwater::v1::Target& message);

}  // namespace breakwater::window

#endif  // BREAKWATER_COMMON_WINDOW_WINDOW_WIRE_H_
