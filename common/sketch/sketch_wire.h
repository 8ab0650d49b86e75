// Sketches to and from their messages in proto/breakwater/v1/telemetry.proto.
//
//   v1::DistinctCount message = sketch::ToProto(hll);
//   absl::StatusOr<sketch::HyperLogLog> back = sketch::FromProto(message);
//
// FromProto checks every bound and refuses what no stream can have produced; the error names field, value and limit.
// Heavy hitters over prefixes: common/window/window_wire.h. Pure and thread-safe.
#ifndef BREAKWATER_COMMON_SKETCH_SKETCH_WIRE_H_
#define BREAKWATER_COMMON_SKETCH_SKETCH_WIRE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "breakwater/v1/telemetry.pb.h"
#include "common/sketch/exact_histogram.h"
#include "common/sketch/hyperloglog.h"
#include "common/sketch/log_histogram.h"
#include "common/sketch/misra_gries.h"

namespace breakwater::sketch {

// No count on the wire is larger, so that sums over a whole fleet stay exact.
inline constexpr uint64_t kMaxWireCount = uint64_t{1} << 56;

breakwater::v1::DistinctCount ToProto(const HyperLogLog& sketch);
absl::StatusOr<HyperLogLog> FromProto(const breakwater::v1::DistinctCount& message);

breakwater::v1::ExactHistogram ToProto(const ExactHistogram& histogram);
absl::StatusOr<ExactHistogram> FromProto(const breakwater::v1::ExactHistogram& message);

breakwater::v1::LogHistogram ToProto(const LogHistogram& histogram);
absl::StatusOr<LogHistogram> FromProto(const breakwater::v1::LogHistogram& message);

// Compacted to k keys.
breakwater::v1::NumberHeavyHitters ToProto(MisraGries<uint32_t> sketch);
absl::StatusOr<MisraGries<uint32_t>> FromProto(const breakwater::v1::NumberHeavyHitters& message);

}  // namespace breakwater::sketch

#endif  // BREAKWATER_COMMON_SKETCH_SKETCH_WIRE_H_
