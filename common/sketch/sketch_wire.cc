#include "common/sketch/sketch_wire.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace breakwater::sketch {
namespace {

namespace v1 = ::breakwater::v1;

// Exact and log histograms write the values that occur as gaps.
template <typename Message>
void WriteBins(const std::vector<uint64_t>& bins, Message& message) {
  size_t next = 0;
  for (size_t i = 0; i < bins.size(); ++i) {
    if (bins[i] == 0) continue;
    message.add_gaps(static_cast<uint32_t>(i + 1 - next));
    message.add_counts(bins[i]);
    next = i + 1;
  }
}

template <typename Message>
absl::StatusOr<std::vector<uint64_t>> ReadBins(const Message& message, size_t bins) {
  if (message.gaps_size() != message.counts_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("counts has ", message.counts_size(), " entries, gaps has ", message.gaps_size()));
  }
  std::vector<uint64_t> out(bins);
  uint64_t next = 0;
  for (int i = 0; i < message.gaps_size(); ++i) {
    if (message.gaps(i) == 0) return absl::InvalidArgumentError(absl::StrCat("gaps[", i, "] is 0"));
    next += message.gaps(i);
    if (next > bins) {
      return absl::InvalidArgumentError(
          absl::StrCat("gaps[", i, "] leads to value ", next - 1, ", the largest is ", bins - 1));
    }
    const uint64_t count = message.counts(i);
    if (count == 0 || count > kMaxWireCount) {
      return absl::InvalidArgumentError(absl::StrCat("counts[", i, "] is ", count, ", not in 1..", kMaxWireCount));
    }
    out[next - 1] = count;
  }
  return out;
}

}  // namespace

v1::DistinctCount ToProto(const HyperLogLog& sketch) {
  v1::DistinctCount message;
  message.set_precision(HyperLogLog::kPrecision);
  message.set_seed(sketch.seed());
  message.set_registers(sketch.Encode());
  return message;
}

absl::StatusOr<HyperLogLog> FromProto(const v1::DistinctCount& message) {
  if (message.precision() != HyperLogLog::kPrecision) {
    return absl::InvalidArgumentError(
        absl::StrCat("precision is ", message.precision(), ", must be ", HyperLogLog::kPrecision));
  }
  return HyperLogLog::Decode(message.seed(), message.registers());
}

v1::ExactHistogram ToProto(const ExactHistogram& histogram) {
  v1::ExactHistogram message;
  message.set_domain(histogram.domain());
  WriteBins(histogram.counts(), message);
  return message;
}

absl::StatusOr<ExactHistogram> FromProto(const v1::ExactHistogram& message) {
  if (message.domain() < 1 || message.domain() > ExactHistogram::kMaxDomain) {
    return absl::InvalidArgumentError(
        absl::StrCat("domain is ", message.domain(), ", not in 1..", ExactHistogram::kMaxDomain));
  }
  absl::StatusOr<std::vector<uint64_t>> counts = ReadBins(message, message.domain());
  if (!counts.ok()) return counts.status();
  return ExactHistogram::FromCounts(*std::move(counts));
}

v1::LogHistogram ToProto(const LogHistogram& histogram) {
  v1::LogHistogram message;
  message.set_error_permille(histogram.layout().error_permille);
  message.set_min(histogram.layout().min);
  message.set_bins(histogram.layout().bins);
  WriteBins(histogram.bins(), message);
  return message;
}

absl::StatusOr<LogHistogram> FromProto(const v1::LogHistogram& message) {
  const LogHistogramLayout layout{
      .error_permille = message.error_permille(), .min = message.min(), .bins = message.bins()};
  if (absl::Status s = Validate(layout); !s.ok()) return s;
  absl::StatusOr<std::vector<uint64_t>> bins = ReadBins(message, layout.bins);
  if (!bins.ok()) return bins.status();
  return LogHistogram::FromBins(layout, *std::move(bins));
}

v1::NumberHeavyHitters ToProto(MisraGries<uint32_t> sketch) {
  sketch.Compact();
  v1::NumberHeavyHitters message;
  message.set_k(sketch.k());
  message.set_total(sketch.total());
  message.set_error(sketch.error());
  for (const auto& [key, count] : sketch.Counters()) {
    message.add_keys(key);
    message.add_counts(count);
  }
  return message;
}

absl::StatusOr<MisraGries<uint32_t>> FromProto(const v1::NumberHeavyHitters& message) {
  if (message.total() > kMaxWireCount) {
    return absl::InvalidArgumentError(absl::StrCat("total is ", message.total(), ", the limit is ", kMaxWireCount));
  }
  if (message.keys_size() != message.counts_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("counts has ", message.counts_size(), " entries, keys has ", message.keys_size()));
  }
  std::vector<MisraGries<uint32_t>::Counter> counters;
  counters.reserve(static_cast<size_t>(message.keys_size()));
  for (int i = 0; i < message.keys_size(); ++i) counters.emplace_back(message.keys(i), message.counts(i));
  return MisraGries<uint32_t>::FromCounters(message.k(), message.total(), message.error(), counters);
}

}  // namespace breakwater::sketch
