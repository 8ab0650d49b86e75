// Quantities as people write them in configuration: durations, sizes and rates.
//
//   ParseDuration("1h30m")   ParseSize("64KiB")   ParseRate("500pps")   ParseRate("10Mbps")
//
// Pure and thread-safe. Errors say what was expected and what stood there.
#ifndef BREAKWATER_COMMON_CONFIG_UNITS_H_
#define BREAKWATER_COMMON_CONFIG_UNITS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace breakwater::config {

enum class RateUnit { kPackets, kBits };
struct Rate {
  uint64_t per_second = 0;
  RateUnit unit = RateUnit::kPackets;
  friend bool operator==(const Rate&, const Rate&) = default;
};

// "100ms", "10s", "1h30m": not negative, finite, always with a unit.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);
// Bytes: "4096", "64KiB", "10MB" (KiB, MiB, GiB are powers of 1024; kB, MB, GB of 1000).
absl::StatusOr<uint64_t> ParseSize(std::string_view text);
// "500pps", "20kpps", "1.5Mpps", "10Mbps", "1Gbps": at most 10^15 a second, a whole number of packets or bits.
absl::StatusOr<Rate> ParseRate(std::string_view text);
// The shortest text that ParseRate reads back: "20kpps".
std::string RateText(const Rate& rate);

}  // namespace breakwater::config

#endif  // BREAKWATER_COMMON_CONFIG_UNITS_H_
