// The parts of a window's message that stand alone: targets, samples, sketches, gateway counts. Used by window_wire.cc.
//
// Each checks its own bounds; errors name the field within the part, and window_wire.cc puts its place in front.
#ifndef BREAKWATER_COMMON_WINDOW_DETAIL_WIRE_H_
#define BREAKWATER_COMMON_WINDOW_DETAIL_WIRE_H_

#include <string>

#include "absl/status/statusor.h"
#include "breakwater/v1/telemetry.pb.h"
#include "common/window/window.h"

namespace breakwater::window::internal {

absl::Status OverLimit(const std::string& field, uint64_t value, uint64_t limit);

breakwater::v1::Target ToProto(const Target& target);
absl::StatusOr<Target> FromProto(const breakwater::v1::Target& message);

// Without target and vector.
breakwater::v1::TargetSketches ToProto(const TargetSketches& sketches);
absl::StatusOr<TargetSketches> FromProto(const breakwater::v1::TargetSketches& message);

// start and end: of the window.
absl::StatusOr<breakwater::v1::HeaderSample> ToProto(const HeaderSample& sample, absl::Time start, absl::Time end);
absl::StatusOr<HeaderSample> FromProto(const breakwater::v1::HeaderSample& message, absl::Time start, absl::Time end);

// Without the site. FromProto takes the site's name for its check only.
absl::StatusOr<breakwater::v1::GatewaySite> ToProto(const std::string& site, const GatewayCounts& counts);
absl::StatusOr<GatewayCounts> FromProto(const breakwater::v1::GatewaySite& message);

}  // namespace breakwater::window::internal

#endif  // BREAKWATER_COMMON_WINDOW_DETAIL_WIRE_H_
