#include "common/detect/predicate.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace breakwater::detect {
namespace {

using rule::FieldId;
using rule::Interval;

constexpr uint32_t kV4Header = 20;
constexpr uint32_t kV6Header = 40;

struct Group {
  Interval interval;
  double weight = 0;
  int rows = 0;
};

std::vector<Group> MergeNear(std::span<const Valued> values, uint32_t near) {
  std::vector<Group> groups;
  for (const Valued& v : values) {
    if (!groups.empty() && v.value - groups.back().interval.hi <= near) {
      groups.back().interval.hi = v.value;
      groups.back().weight += v.weight;
      groups.back().rows += v.rows;
    } else {
      groups.push_back({{v.value, v.value}, v.weight, v.rows});
    }
  }
  return groups;
}

uint64_t LargestValue(int feature) {
  const FeatureInfo& info = Info(feature);
  if (info.length != 0) return info.length >= 4 ? 0xffffffffu : (uint64_t{1} << (8 * info.length)) - 1;
  return rule::Field(info.field).max;
}

// Smallest aligned power-of-two block around [lo, hi].
Interval AlignedBlock(Interval i) {
  const uint64_t differing = i.lo ^ i.hi;
  const int width = differing == 0 ? 0 : 64 - std::countl_zero(differing);
  const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  return {i.lo & ~mask, i.hi | mask};
}

std::optional<Predicate> Range(int feature, std::span<const Valued> values, int rows, uint64_t largest) {
  constexpr int kMinRows = 64;  // chance alone would leave half of a domain empty once in 2^64
  constexpr int kMinRowsForZero = 128;
  if (rows < kMinRows || values.size() < 2) return std::nullopt;
  const Interval seen{values.front().value, values.back().value};
  // The ends of what was seen are not the ends of what there is.
  const uint64_t pad = (seen.hi - seen.lo) * 8 / static_cast<uint64_t>(rows) + 1;
  Interval padded{seen.lo - std::min(seen.lo, pad), std::min(largest, seen.hi + pad)};
  const Interval block = AlignedBlock(seen);
  Interval best = padded;
  if (static_cast<double>(block.hi - block.lo) <= 1.5 * static_cast<double>(padded.hi - padded.lo) &&
      block.hi <= largest) {
    best = block;
  }
  // Zero means "none" in most fields, so a field that is never zero is never empty.
  if (best.lo == 0 && seen.lo > 0 && rows >= kMinRowsForZero) best.lo = 1;
  Predicate p{feature, {best}, {}, 0, true};
  p.bits = SpecificityBits(feature, p.intervals);
  return p;
}

// The bits of values that say little since so many send them; negative when a value isn't one of those.
double UsualBits(int feature, uint64_t value) {
  auto among = [value](std::initializer_list<uint64_t> usual) {
    return std::find(usual.begin(), usual.end(), value) != usual.end();
  };
  switch (feature) {
    case kVersionIhl:
      return value == 0x45 ? 0 : -1;
    case kNextHeader:
      return among({6, 17, 58}) ? 0 : -1;
    case kFlowLabel:
      return value == 0x60000000 ? 0 : -1;
    case kTcpSport:  // of the services that answer most
      return among({22, 25, 53, 80, 443, 8080}) ? 1 : -1;
    case kTtl:  // as sent by neighbours
      return among({1, 64, 128, 255}) ? 2 : -1;
    case kLen:  // TCP without payload
      return among({40, 44, 48, 52, 56, 60, 64}) ? 2 : -1;
    case kTcpWindow:  // first windows of well-known systems
      return among({1024, 5792, 5840, 8192, 14480, 14600, 16384, 28960, 29200, 64240, 65160, 65535}) ? 3 : -1;
    default:
      return -1;
  }
}

// Values that fill most of their span are a range of which a few weren't sampled yet.
void CloseGaps(std::vector<Interval>& intervals) {
  constexpr double kFilled = 0.75;
  if (intervals.size() < 2) return;
  uint64_t values = 0;
  for (const Interval& i : intervals) values += i.hi - i.lo + 1;
  const uint64_t span = intervals.back().hi - intervals.front().lo + 1;
  if (static_cast<double>(values) < kFilled * static_cast<double>(span)) return;
  intervals = {{intervals.front().lo, intervals.back().hi}};
}

}  // namespace

bool Predicate::Matches(const FeatureRow& row) const {
  if (feature == kSource) {
    return std::any_of(sources.begin(), sources.end(), [&](const net::IpPrefix& s) { return s.Contains(row.source); });
  }
  if (!row.has(feature)) return false;
  const uint64_t value = row.value[static_cast<size_t>(feature)];
  for (const Interval& i : intervals) {
    if (value < i.lo) return false;
    if (value <= i.hi) return true;
  }
  return false;
}

double SpecificityBits(int feature, std::span<const Interval> intervals) {
  const FeatureInfo& info = Info(feature);
  double covered = 0;
  bool only_zero = true;
  for (const Interval& i : intervals) {
    covered += static_cast<double>(i.hi - i.lo) + 1;
    only_zero = only_zero && i.hi == 0;
  }
  if (only_zero) return info.zero_bits;
  const bool all_usual = std::all_of(intervals.begin(), intervals.end(),
                                     [&](const Interval& i) { return i.lo == i.hi && UsualBits(feature, i.lo) >= 0; });
  const double most = all_usual ? UsualBits(feature, intervals.front().lo) : static_cast<double>(info.bits);
  // A longer list is likelier to be the luck of a few samples.
  const double luck = 0.75 * static_cast<double>(intervals.size() - 1);
  return std::max(0.0, std::clamp(std::log2(info.domain / covered), 0.0, most) - luck);
}

std::optional<Predicate> Tightest(int feature, std::span<const Valued> values, double total_weight, int total_rows,
                                  const Tightness& tightness) {
  if (values.empty()) return std::nullopt;
  const FeatureInfo& info = Info(feature);
  double present = 0;
  for (const Valued& v : values) present += v.weight;
  if (present < tightness.coverage * total_weight) return std::nullopt;

  std::vector<Group> groups = MergeNear(values, info.near);
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.weight > b.weight; });
  double covered = 0;
  Predicate p{feature, {}, {}, 0, false};
  for (const Group& g : groups) {
    if (covered >= tightness.coverage * total_weight || p.intervals.size() == info.max_set) break;
    if (g.rows == 1 && total_rows > 1) continue;
    p.intervals.push_back(g.interval);
    covered += g.weight;
  }
  if (covered >= tightness.coverage * total_weight) {
    std::sort(p.intervals.begin(), p.intervals.end());
    if (info.range && info.near > 0) CloseGaps(p.intervals);
    p.bits = SpecificityBits(feature, p.intervals);
    return p;
  }
  if (!info.range) return std::nullopt;
  return Range(feature, values, total_rows, LargestValue(feature));
}

rule::ExprPtr ToExpr(const Predicate& predicate, bool v4) {
  if (predicate.feature == kSource) return rule::AddressIn(FieldId::kIpSrc, predicate.sources);
  const FeatureInfo& info = Info(predicate.feature);
  FieldId field = info.field;
  if (!v4 && field == FieldId::kIcmpType) field = FieldId::kIcmp6Type;
  if (!v4 && field == FieldId::kIcmpCode) field = FieldId::kIcmp6Code;
  if (info.length != 0) {
    uint32_t offset = info.offset;
    if (predicate.feature >= kTailFirst && predicate.feature < kWordFirst) offset += v4 ? kV4Header : kV6Header;
    std::vector<rule::ExprPtr> any;
    auto compare = std::make_shared<rule::Expr>();
    compare->kind = rule::Expr::Kind::kCompare;
    compare->compare.field = field;
    compare->compare.offset = offset;
    compare->compare.length = info.length;
    compare->compare.intervals = predicate.intervals;
    return compare;
  }
  if (rule::Field(field).type == rule::FieldType::kFlags) {
    std::vector<uint64_t> values;
    for (const Interval& i : predicate.intervals) {
      for (uint64_t v = i.lo; v <= i.hi; ++v) values.push_back(v);
    }
    return rule::FlagsAre(field, ~uint64_t{0}, values);
  }
  return rule::NumberIn(field, predicate.intervals);
}

}  // namespace breakwater::detect
