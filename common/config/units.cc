#include "common/config/units.h"

#include <cmath>
#include <optional>
#include <span>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace breakwater::config {
namespace {

constexpr double kMaxRate = 1e15;
constexpr double kMaxSize = 1e15;

struct Unit {
  std::string_view name;
  double factor;
  RateUnit rate;
};

constexpr Unit kRates[] = {
    {"pps", 1, RateUnit::kPackets},    {"kpps", 1e3, RateUnit::kPackets}, {"Mpps", 1e6, RateUnit::kPackets},
    {"Gpps", 1e9, RateUnit::kPackets}, {"bps", 1, RateUnit::kBits},       {"kbps", 1e3, RateUnit::kBits},
    {"Mbps", 1e6, RateUnit::kBits},    {"Gbps", 1e9, RateUnit::kBits},    {"Tbps", 1e12, RateUnit::kBits}};

constexpr Unit kSizes[] = {{"", 1, {}},     {"B", 1, {}},      {"kB", 1e3, {}},      {"MB", 1e6, {}},
                           {"GB", 1e9, {}}, {"KiB", 1024, {}}, {"MiB", 1048576, {}}, {"GiB", 1073741824, {}}};

struct Quantity {
  double value = 0;
  Unit unit;
};

// Digits with at most one point, then a unit of the table. Whole after multiplying.
std::optional<Quantity> ParseQuantity(std::string_view text, std::span<const Unit> units, double most) {
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  // The digits alone: SimpleAtod would also take "1e5", "inf" and signs.
  if (digits == 0 || text[0] == '.' || !absl::SimpleAtod(std::string(text.substr(0, digits)), &number)) {
    return std::nullopt;
  }
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    const double value = number * unit.factor;
    const double whole = std::round(value);
    // 1.1 * 1e6 is a hair beside the whole number that was written.
    if (value > most || std::abs(value - whole) > 1e-9 * std::max(1.0, value)) return std::nullopt;
    return Quantity{whole, unit};
  }
  return std::nullopt;
}

std::string Quoted(std::string_view text) { return absl::StrCat("\"", std::string(text), "\""); }

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  absl::Duration d;
  if (!absl::ParseDuration(std::string(text), &d) || d < absl::ZeroDuration() || d == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("expected a duration like 100ms, 10s or 1h30m, got ", Quoted(text)));
  }
  return d;
}

absl::StatusOr<uint64_t> ParseSize(std::string_view text) {
  const std::optional<Quantity> q = ParseQuantity(text, kSizes, kMaxSize);
  if (!q)
    return absl::InvalidArgumentError(absl::StrCat("expected a size like 4096, 64KiB or 10MB, got ", Quoted(text)));
  return static_cast<uint64_t>(q->value);
}

absl::StatusOr<Rate> ParseRate(std::string_view text) {
  const std::optional<Quantity> q = ParseQuantity(text, kRates, kMaxRate);
  if (!q)
    return absl::InvalidArgumentError(
        absl::StrCat("expected a rate like 500pps, 20kpps or 10Mbps, got ", Quoted(text)));
  return Rate{static_cast<uint64_t>(q->value), q->unit.rate};
}

std::string RateText(const Rate& rate) {
  std::string text;
  for (const Unit& unit : kRates) {
    const auto factor = static_cast<uint64_t>(unit.factor);
    if (unit.rate != rate.unit || rate.per_second % factor != 0) continue;
    if (factor > 1 && rate.per_second == 0) continue;
    text = absl::StrCat(rate.per_second / factor, std::string(unit.name));
  }
  return text;
}

}  // namespace breakwater::config
