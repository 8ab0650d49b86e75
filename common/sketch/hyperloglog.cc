#include "common/sketch/hyperloglog.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/sketch/hash.h"

namespace breakwater::sketch {
namespace {

constexpr int kRankBits = 64 - HyperLogLog::kPrecision;  // bits of the hash behind the register's index
constexpr uint8_t kMaxRank = kRankBits + 1;

constexpr char kSparse = 1;
constexpr char kDense = 2;

// Ertl 2017, section 2.3: what registers at zero and at the largest rank contribute.
double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  double before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  double before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

void AppendVarint(uint32_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

// Takes it off the front; absent when cut short or over 21 bits.
std::optional<uint32_t> TakeVarint(std::string_view& in) {
  uint32_t value = 0;
  for (int shift = 0; shift < 21 && !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

}  // namespace

void HyperLogLog::Add(std::span<const uint8_t> key) {
  const uint64_t hash = Hash(seed_, key);
  if (registers_.empty()) registers_.resize(kRegisters);
  uint8_t& reg = registers_[hash >> kRankBits];
  const uint64_t rest = hash << kPrecision;
  const int zeros = rest == 0 ? kRankBits : std::countl_zero(rest);
  reg = std::max(reg, static_cast<uint8_t>(zeros + 1));
}

double HyperLogLog::Estimate() const {
  if (registers_.empty()) return 0;
  std::array<uint32_t, kMaxRank + 1> histogram{};
  for (uint8_t rank : registers_) ++histogram[rank];
  constexpr double kM = kRegisters;
  double z = kM * Tau(1 - histogram[kMaxRank] / kM);
  for (int rank = kRankBits; rank >= 1; --rank) z = 0.5 * (z + histogram[static_cast<size_t>(rank)]);
  z += kM * Sigma(histogram[0] / kM);
  return kM * kM / (2 * std::log(2.0) * z);
}

absl::Status HyperLogLog::Merge(const HyperLogLog& other) {
  if (other.seed_ != seed_) {
    return absl::InvalidArgumentError(absl::StrCat("can't merge HyperLogLog sketches of seeds ", seed_, " and ",
                                                   other.seed_, ": they hash differently; give both the fleet's seed"));
  }
  if (other.registers_.empty()) return absl::OkStatus();
  if (registers_.empty()) registers_.resize(kRegisters);
  for (size_t i = 0; i < kRegisters; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
  return absl::OkStatus();
}

std::string HyperLogLog::Encode() const {
  if (registers_.empty()) return {};
  std::string sparse(1, kSparse);
  uint32_t next = 0;  // the first index that the entry may have
  for (uint32_t i = 0; i < kRegisters && sparse.size() < kMaxEncodedBytes; ++i) {
    if (registers_[i] == 0) continue;
    AppendVarint((i - next) << 6 | registers_[i], sparse);
    next = i + 1;
  }
  if (sparse.size() < kMaxEncodedBytes) return sparse;
  std::string dense(1, kDense);
  dense.reserve(kMaxEncodedBytes);
  for (size_t i = 0; i < kRegisters; i += 4) {
    const uint32_t word = static_cast<uint32_t>(registers_[i]) << 18 | static_cast<uint32_t>(registers_[i + 1]) << 12 |
                          static_cast<uint32_t>(registers_[i + 2]) << 6 | registers_[i + 3];
    dense.push_back(static_cast<char>(word >> 16));
    dense.push_back(static_cast<char>(word >> 8));
    dense.push_back(static_cast<char>(word));
  }
  return dense;
}

absl::StatusOr<HyperLogLog> HyperLogLog::Decode(uint64_t seed, std::string_view encoded) {
  HyperLogLog sketch(seed);
  if (encoded.empty()) return sketch;
  if (encoded.size() > kMaxEncodedBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("HyperLogLog has ", encoded.size(), " bytes, the limit is ", kMaxEncodedBytes));
  }
  sketch.registers_.resize(kRegisters);
  const char kind = encoded.front();
  encoded.remove_prefix(1);
  if (kind == kSparse) {
    uint32_t next = 0;
    while (!encoded.empty()) {
      std::optional<uint32_t> entry = TakeVarint(encoded);
      if (!entry) return absl::InvalidArgumentError("HyperLogLog (sparse): an entry is cut short or too large");
      const uint32_t index = next + (*entry >> 6);
      const auto rank = static_cast<uint8_t>(*entry & 0x3f);
      if (index >= kRegisters) {
        return absl::InvalidArgumentError(
            absl::StrCat("HyperLogLog (sparse): register ", index, " is over ", kRegisters - 1));
      }
      if (rank < 1 || rank > kMaxRank) {
        return absl::InvalidArgumentError(
            absl::StrCat("HyperLogLog (sparse): rank ", rank, " is not in 1..", kMaxRank));
      }
      sketch.registers_[index] = rank;
      next = index + 1;
    }
  } else if (kind == kDense) {
    if (encoded.size() != kMaxEncodedBytes - 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("HyperLogLog (dense) has ", encoded.size(), " bytes of registers, not ", kMaxEncodedBytes - 1));
    }
    for (size_t i = 0; i < kRegisters; ++i) {
      const size_t bit = i * 6;
      const auto high = static_cast<uint8_t>(encoded[bit / 8]);
      const auto low = bit / 8 + 1 < encoded.size() ? static_cast<uint8_t>(encoded[bit / 8 + 1]) : uint8_t{0};
      const uint32_t two = static_cast<uint32_t>(high) << 8 | low;
      const auto rank = static_cast<uint8_t>(two >> (10 - bit % 8) & 0x3f);
      if (rank > kMaxRank) {
        return absl::InvalidArgumentError(absl::StrCat("HyperLogLog (dense): rank ", rank, " is over ", kMaxRank));
      }
      sketch.registers_[i] = rank;
    }
  } else {
    return absl::InvalidArgumentError(absl::StrCat("HyperLogLog: unknown encoding ", static_cast<int>(kind)));
  }
  if (std::all_of(sketch.registers_.begin(), sketch.registers_.end(), [](uint8_t r) { return r == 0; })) {
    return absl::InvalidArgumentError("HyperLogLog: encoded registers are all 0; an empty sketch is an empty string");
  }
  return sketch;
}

}  // namespace breakwater::sketch
