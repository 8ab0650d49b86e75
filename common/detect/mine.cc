#include "common/detect/mine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/detect/archetypes.h"
#include "common/detect/cluster.h"
#include "common/detect/predicate.h"

namespace breakwater::detect {
namespace {

using rule::FieldId;

constexpr size_t kMaxRows = 2048;
constexpr size_t kMaxSeeds = 20;
constexpr double kSeedShare = 0.08;
// A conjunction keeps this share of its cluster, and no comparison costs more than this.
constexpr double kMinClusterCover = 0.985;
constexpr double kMaxLoss = 0.006;
// Specificity that a signature needs: much while little is known of the target's clean traffic, less later.
constexpr double kMinBits = 14;
constexpr double kMinBitsKnown = 10;
constexpr size_t kKnownCleanSamples = 256;
// With this much left a comparison may go if it keeps attack packets out.
constexpr double kAmpleBits = 28;
constexpr double kGeneraliseGain = 0.004;
// From this rate on one source is remarkable by itself, for packets that come once in a connection or less.
constexpr double kLoneSourcePps = 2000;
constexpr double kUnknownVectorBits = 8;  // of a reflector that nothing ordinary answers from

bool IsTcp(window::Vector v) { return v >= BW_VECTOR_TCP_SYN && v <= BW_VECTOR_TCP_INVALID; }
bool IsIcmp(window::Vector v) { return v >= BW_VECTOR_ICMP_ECHO && v <= BW_VECTOR_ICMP_OTHER; }
bool IsUdp(window::Vector v) { return v == BW_VECTOR_UDP_OTHER || (v >= BW_VECTOR_UDP_DNS && v <= BW_VECTOR_UDP_QUIC); }

// Whether an honest source never sends many of them.
bool LoneSourceRemarkable(window::Vector v) { return (IsTcp(v) && v != BW_VECTOR_TCP_ACK) || IsIcmp(v); }

// The feature that makes a packet one of this vector; -1 when another comparison does.
int VectorFeature(window::Vector v) {
  if (IsTcp(v)) return kTcpFlags;
  if (IsIcmp(v)) return kIcmpType;
  if (IsUdp(v) && v != BW_VECTOR_UDP_OTHER) return kUdpSport;
  if (v == BW_VECTOR_FRAGMENT) return kFragment;
  if (v == BW_VECTOR_IP_OTHER) return kProto;
  return -1;
}

bool Overlaps(const Predicate& a, const Predicate& b) {
  auto span = [](const Predicate& p) -> std::pair<int, int> {  // of payload bytes
    if (p.feature < kWordFirst || p.feature >= kFeatureCount) return {0, 0};
    return {Info(p.feature).offset, Info(p.feature).offset + Info(p.feature).length};
  };
  const auto [alo, ahi] = span(a);
  const auto [blo, bhi] = span(b);
  if (alo < bhi && blo < ahi) return true;
  auto is = [&](int x, int y) { return (a.feature == x && b.feature == y) || (a.feature == y && b.feature == x); };
  if (is(kLen, kUdpLen)) return true;
  if (is(kTcpSeq, kTcpSeqHigh) || is(kTcpAck, kTcpAckHigh)) return true;
  auto exact = [](const Predicate& p) { return p.intervals.size() == 1 && p.intervals[0].lo == p.intervals[0].hi; };
  if (is(kTcpSeq, kTcpSeqLow) || is(kTcpAck, kTcpAckLow)) {
    const Predicate& whole = a.feature == kTcpSeq || a.feature == kTcpAck ? a : b;
    return exact(whole);
  }
  return false;
}

struct CleanRows {
  std::vector<FeatureRow> own;
  std::vector<FeatureRow> others;
  std::span<const Archetype> archetypes;
};

struct Conjunction {
  std::vector<Predicate> parts;  // the vector's own first
  size_t fixed = 0;              // how many of them may not go
  RowSet covers;                 // of the table
  double cover_weight = 0;
  double bits = 0;
  double clean_share = 0;  // the worst of own, others, archetypes
  bool valid = false;
};

class Miner {
 public:
  Miner(const MineInput& input, SampleTable table, CleanRows clean)
      : input_(input), table_(std::move(table)), clean_(std::move(clean)), v4_(input.target.prefix.is_v4()) {}

  MineResult Run();

 private:
  std::vector<RowSet> Seeds(const RowSet& rest) const;
  Conjunction Build(const RowSet& seed, const RowSet& rest) const;
  void Measure(Conjunction& c) const;
  void Prune(Conjunction& c) const;
  void Generalise(Conjunction& c) const;
  double CleanShare(const Conjunction& c, int without) const;
  double MinBits() const { return clean_.own.size() >= kKnownCleanSamples ? kMinBitsKnown : kMinBits; }
  rule::ExprPtr Expression(const Conjunction& c) const;

  const MineInput& input_;
  SampleTable table_;
  CleanRows clean_;
  bool v4_;
  bool lone_source_ = false;
};

// The worst share over the groups of clean packets; `without` leaves one part out (-1: none).
double Miner::CleanShare(const Conjunction& c, int without) const {
  auto matches = [&](const FeatureRow& row, const std::bitset<kFeatureCount>* any, bool any_source) {
    for (size_t i = 0; i < c.parts.size(); ++i) {
      if (static_cast<int>(i) == without) continue;
      const Predicate& p = c.parts[i];
      if (p.feature == kSource ? any_source : (any != nullptr && any->test(static_cast<size_t>(p.feature)))) continue;
      if (!p.Matches(row)) return false;
    }
    return true;
  };
  auto share = [&](const std::vector<FeatureRow>& rows) {
    if (rows.empty()) return 0.0;
    size_t hits = 0;
    for (const FeatureRow& row : rows) hits += matches(row, nullptr, false);
    return static_cast<double>(hits) / static_cast<double>(rows.size());
  };
  double worst = std::max(share(clean_.own), share(clean_.others));
  if (!clean_.archetypes.empty()) {
    size_t hits = 0;
    for (const Archetype& a : clean_.archetypes) hits += matches(a.row, &a.any, !lone_source_);
    worst = std::max(worst, static_cast<double>(hits) / static_cast<double>(clean_.archetypes.size()));
  }
  return worst;
}

void Miner::Measure(Conjunction& c) const {
  c.covers = table_.All();
  c.bits = clean_.archetypes.empty() && input_.vector >= BW_VECTOR_UDP_DNS ? kUnknownVectorBits : 0;
  for (const Predicate& p : c.parts) {
    c.covers = table_.Matching(p, c.covers);
    if (p.feature == kSource && !lone_source_) continue;
    c.bits += p.bits;
  }
  c.cover_weight = table_.Weight(c.covers);
  c.clean_share = CleanShare(c, -1);
  c.valid = c.clean_share <= kMaxCleanShare && c.bits >= MinBits();
}

// Down to kMaxComparisons: the least useful go first. Contiguous constant payload is written as one comparison.
void Miner::Prune(Conjunction& c) const {
  auto joins = [](const Predicate& a, const Predicate& b) {
    auto constant = [](const Predicate& p) {
      return p.feature >= kWordFirst && p.feature < kFeatureCount && p.intervals.size() == 1 &&
             p.intervals[0].lo == p.intervals[0].hi;
    };
    return constant(a) && constant(b) && Info(a.feature).offset + Info(a.feature).length == Info(b.feature).offset &&
           Info(a.feature).length + Info(b.feature).length <= rule::kMaxByteLength;
  };
  auto comparisons = [&](const std::vector<Predicate>& parts) {
    size_t n = parts.size();
    std::vector<const Predicate*> payload;
    for (const Predicate& p : parts) {
      if (p.feature >= kWordFirst) payload.push_back(&p);
    }
    std::sort(payload.begin(), payload.end(),
              [](const Predicate* a, const Predicate* b) { return Info(a->feature).offset < Info(b->feature).offset; });
    for (size_t i = 0; i + 1 < payload.size(); ++i) {
      if (payload[i]->feature == kSource || payload[i + 1]->feature == kSource) continue;
      if (joins(*payload[i], *payload[i + 1])) --n, ++i;
    }
    return n;
  };
  while (comparisons(c.parts) > kMaxComparisons) {
    size_t least = c.fixed;
    std::pair<double, double> least_use{1e9, 1e9};
    for (size_t i = c.fixed; i < c.parts.size(); ++i) {
      const std::pair<double, double> use{CleanShare(c, static_cast<int>(i)), c.parts[i].bits};
      if (use < least_use) least_use = use, least = i;
    }
    c.parts.erase(c.parts.begin() + static_cast<ptrdiff_t>(least));
  }
}

// Drops comparisons which keep part of the attack out and aren't needed to tell it from clean packets.
void Miner::Generalise(Conjunction& c) const {
  const double total = table_.Weight(table_.All());
  for (bool again = true; again;) {
    again = false;
    std::optional<Conjunction> best;
    for (size_t i = c.fixed; i < c.parts.size(); ++i) {
      if (c.bits - c.parts[i].bits < kAmpleBits) continue;
      Conjunction wider = c;
      wider.parts.erase(wider.parts.begin() + static_cast<ptrdiff_t>(i));
      Measure(wider);
      if (!wider.valid || wider.clean_share > c.clean_share) continue;
      if (wider.cover_weight < c.cover_weight + kGeneraliseGain * total) continue;
      if (!best || wider.cover_weight > best->cover_weight) best = std::move(wider);
    }
    if (best) c = *std::move(best), again = true;
  }
}

Conjunction Miner::Build(const RowSet& seed, const RowSet& rest) const {
  const RowSet core = table_.WithoutOutliers(seed.And(rest));
  const double core_weight = table_.Weight(core);
  std::vector<Predicate> common = table_.Common(core);

  Conjunction c;
  RowSet joint = core;
  auto take = [&](Predicate p) {
    joint = table_.Matching(p, joint);
    c.parts.push_back(std::move(p));
  };
  const int own = VectorFeature(input_.vector);
  for (const Predicate& p : common) {
    if (p.feature == own) take(p);
  }
  if (c.parts.empty() && own >= 0) return c;  // not one kind of packet: only parts of it can be signed
  for (Predicate& p : c.parts) p.bits = 0;
  c.fixed = c.parts.size();

  struct Candidate {
    double loss;
    size_t index;
  };
  std::vector<Candidate> order;
  for (size_t i = 0; i < common.size(); ++i) {
    if (common[i].feature == own || common[i].bits < 0.9) continue;
    order.push_back({1 - table_.Weight(table_.Matching(common[i], core)) / core_weight, i});
  }
  std::stable_sort(order.begin(), order.end(), [&](const Candidate& a, const Candidate& b) {
    const bool free_a = a.loss <= 0, free_b = b.loss <= 0;
    if (free_a != free_b) return free_a;
    return common[a.index].bits > common[b.index].bits;
  });
  for (const Candidate& candidate : order) {
    const Predicate& p = common[candidate.index];
    if (std::any_of(c.parts.begin(), c.parts.end(), [&](const Predicate& q) { return Overlaps(p, q); })) continue;
    const double before = table_.Weight(joint);
    const double after = table_.Weight(table_.Matching(p, joint));
    if (before - after > kMaxLoss * core_weight || after < kMinClusterCover * core_weight) continue;
    take(p);
  }
  Prune(c);
  Measure(c);
  if (c.valid) Generalise(c);
  return c;
}

std::vector<RowSet> Miner::Seeds(const RowSet& rest) const {
  struct Seed {
    double score;
    RowSet rows;
  };
  std::vector<Seed> seeds;
  const double total = table_.Weight(rest);
  const int count = static_cast<int>(rest.count());
  auto add = [&](const Predicate& p) {
    RowSet rows = table_.Matching(p, rest);
    if (rows.count() < kMinMiningSamples) return;
    const double share = table_.Weight(rows) / total;
    seeds.push_back({share * (1 + std::min(16.0, p.bits)), std::move(rows)});
  };
  for (int f = 0; f < kFeatureCount; ++f) {
    if (f >= kByteFirst) break;
    const std::vector<Valued> values = table_.Values(f, rest);
    for (double coverage : {0.97, 0.9}) {
      if (std::optional<Predicate> p = Tightest(f, values, total, count, {.coverage = coverage})) add(*p);
    }
    std::vector<Valued> heavy;
    for (const Valued& v : values) {
      if (v.weight >= kSeedShare * total) heavy.push_back(v);
    }
    std::stable_sort(heavy.begin(), heavy.end(), [](const Valued& a, const Valued& b) { return a.weight > b.weight; });
    if (heavy.size() > 3) heavy.resize(3);
    for (const Valued& v : heavy) {
      Predicate p{f, {{v.value, v.value}}, {}, 0};
      p.bits = SpecificityBits(f, p.intervals);
      add(p);
    }
  }
  std::stable_sort(seeds.begin(), seeds.end(), [](const Seed& a, const Seed& b) { return a.score > b.score; });
  std::vector<RowSet> out{rest};
  for (Seed& s : seeds) {
    if (out.size() == kMaxSeeds) break;
    if (std::find(out.begin(), out.end(), s.rows) == out.end()) out.push_back(std::move(s.rows));
  }
  return out;
}

rule::ExprPtr Miner::Expression(const Conjunction& c) const {
  std::vector<rule::ExprPtr> all;
  all.push_back(rule::AddressIn(FieldId::kIpDst, {input_.target.prefix}));
  std::vector<const Predicate*> payload;
  bool udp = false;
  for (const Predicate& p : c.parts) {
    const bool constant_payload = p.feature >= kWordFirst && p.feature < kFeatureCount && p.intervals.size() == 1 &&
                                  p.intervals[0].lo == p.intervals[0].hi;
    udp = udp || p.feature == kUdpSport || p.feature == kUdpDport || p.feature == kUdpLen;
    if (constant_payload)
      payload.push_back(&p);
    else
      all.push_back(ToExpr(p, v4_));
  }
  std::sort(payload.begin(), payload.end(),
            [](const Predicate* a, const Predicate* b) { return Info(a->feature).offset < Info(b->feature).offset; });
  for (size_t i = 0; i < payload.size(); ++i) {
    const FeatureInfo& first = Info(payload[i]->feature);
    uint64_t value = payload[i]->intervals[0].lo;
    uint32_t length = first.length;
    while (i + 1 < payload.size()) {
      const FeatureInfo& next = Info(payload[i + 1]->feature);
      if (next.offset != first.offset + length || length + next.length > rule::kMaxByteLength) break;
      value = value << (8 * next.length) | payload[i + 1]->intervals[0].lo;
      length += next.length;
      ++i;
    }
    all.push_back(rule::BytesAre(FieldId::kPayloadBytes, first.offset, length, value));
  }
  if (IsUdp(input_.vector) && !udp) all.push_back(rule::NumberIs(FieldId::kIpProto, 17));
  return rule::And(std::move(all));
}

MineResult Miner::Run() {
  MineResult result;
  const double total = table_.Weight(table_.All());
  RowSet rest = table_.All();
  std::string why;
  while (result.signatures.size() < input_.max_signatures) {
    const double left = table_.Weight(rest);
    const double left_pps = input_.attack_pps * left / total;
    if (rest.count() < kMinMiningSamples || left_pps < input_.min_cluster_pps) break;
    std::optional<Conjunction> best;
    double least_clean = 1;
    double most_bits = 0;
    for (const RowSet& seed : Seeds(rest)) {
      // One source alone is remarkable only when this part of the attack is fast enough to be no client.
      lone_source_ =
          LoneSourceRemarkable(input_.vector) && input_.attack_pps * table_.Weight(seed) / total >= kLoneSourcePps;
      Conjunction c = Build(seed, rest);
      if (c.parts.empty()) continue;
      if (!c.valid) {
        if (c.bits >= MinBits()) least_clean = std::min(least_clean, c.clean_share);
        most_bits = std::max(most_bits, c.bits);
        continue;
      }
      const double gain = table_.Weight(c.covers.And(rest));
      if (gain * input_.attack_pps < input_.min_cluster_pps * total) continue;
      const double best_gain = best ? table_.Weight(best->covers.And(rest)) : -1;
      if (gain > best_gain + 0.005 * left || (gain > best_gain - 0.005 * left && c.bits > best->bits))
        best = std::move(c);
    }
    if (!best) {
      if (most_bits < MinBits()) {
        why = "its packets have too little in common";
      } else {
        why = absl::StrCat("what its packets have in common is also in ",
                           static_cast<int>(std::ceil(least_clean * 100)), "% of ordinary packets");
      }
      break;
    }
    result.signatures.push_back({Expression(*best), best->cover_weight / total, best->clean_share, best->bits});
    rest = rest.Without(best->covers);
  }
  if (!why.empty()) {
    const int left = static_cast<int>(std::lround(100 * table_.Weight(rest) / total));
    result.note = result.signatures.empty() ? absl::StrCat("no signature: ", why)
                                            : absl::StrCat("no signature for ", left, "%: ", why);
  }
  return result;
}

std::vector<FeatureRow> Rows(const std::vector<const window::HeaderSample*>& samples, size_t limit) {
  std::vector<FeatureRow> rows;
  const size_t n = samples.size();
  const size_t take = std::min(n, limit);
  rows.reserve(take);
  // Evenly over time when there are more than are looked at.
  for (size_t i = 0; i < take; ++i) rows.push_back(ReadFeatures(*samples[i * n / take]));
  return rows;
}

}  // namespace

MineResult Mine(const MineInput& input) {
  if (input.attack.size() < kMinMiningSamples) {
    return {{},
            absl::StrCat("no signature: ", input.attack.size(), " sampled packets are too few, ", kMinMiningSamples,
                         " are needed")};
  }
  if (input.vector == BW_VECTOR_UNPARSED) return {{}, "no signature: packets without readable headers"};
  CleanRows clean{Rows(input.clean_own, kMaxRows / 4), Rows(input.clean_others, kMaxRows / 4),
                  Archetypes(input.vector, input.target.prefix.is_v4())};
  Miner miner(input, SampleTable(Rows(input.attack, kMaxRows)), std::move(clean));
  return miner.Run();
}

}  // namespace breakwater::detect
