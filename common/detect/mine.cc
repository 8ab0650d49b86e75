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
// The faster the flood the less it takes, but never less than this: one bit off for every doubling over the threshold.
constexpr double kLeastBits = 8;
// What the signatures of an attack have left may be visitors.
constexpr double kLeftoverBits = 4;
constexpr size_t kKnownCleanSamples = 256;
// With this much left a comparison may go if it keeps attack packets out.
constexpr double kAmpleBits = 28;
constexpr double kGeneraliseGain = 0.004;
constexpr double kGeneralisePerBit = 0.01;
constexpr size_t kLongList = 4;
constexpr double kRareValue = 0.25;  // of the weight of a list's commonest value
constexpr int kGluedLists = 2;
constexpr int kPurifyRounds = 2;
// How much coverage a bit of specificity is worth between two conjunctions, and from where on it is worth nothing.
constexpr double kCoverPerBit = 0.012;
constexpr double kEnoughBits = 48;
constexpr size_t kMaxCandidates = 24;
constexpr double kSaysNothingBits = 0.9;
constexpr double kAmplePayloadBits = 60;
constexpr double kRepeats = 0.02;
// From this rate on one source is remarkable by itself, for packets that come once in a connection or less.
constexpr double kLoneSourcePps = 2000;
constexpr double kUnknownVectorBits = 8;  // of a reflector that nothing ordinary answers from

bool IsTcp(window::Vector v) { return v >= BW_VECTOR_TCP_SYN && v <= BW_VECTOR_TCP_INVALID; }
bool IsIcmp(window::Vector v) { return v >= BW_VECTOR_ICMP_ECHO && v <= BW_VECTOR_ICMP_OTHER; }
bool IsUdp(window::Vector v) { return v == BW_VECTOR_UDP_OTHER || (v >= BW_VECTOR_UDP_DNS && v <= BW_VECTOR_UDP_QUIC); }

// Whether an honest source never sends many of them.
bool LoneSourceRemarkable(window::Vector v) { return (IsTcp(v) && v != BW_VECTOR_TCP_ACK) || IsIcmp(v); }

// Losing a reset or an error delays nobody who is served, and honest ones are few: a tenth of the caution.
double ArchetypeScale(window::Vector v) { return v == BW_VECTOR_TCP_RST || v == BW_VECTOR_ICMP_ERROR ? 0.1 : 1; }

// The feature that makes a packet one of this vector; -1 when another comparison does.
int VectorFeature(window::Vector v) {
  if (IsTcp(v)) return kTcpFlags;
  if (IsIcmp(v)) return kIcmpType;
  if (IsUdp(v) && v != BW_VECTOR_UDP_OTHER) return kUdpSport;
  if (v == BW_VECTOR_FRAGMENT) return kFragment;
  if (v == BW_VECTOR_IP_OTHER) return kProto;
  return -1;
}

bool IsPayload(const Predicate& p) { return p.feature >= kWordFirst && p.feature < kFeatureCount; }

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
  if (is(kTcpSeq, kTcpSeqLow) || is(kTcpAck, kTcpAckLow)) {
    const Predicate& whole = a.feature == kTcpSeq || a.feature == kTcpAck ? a : b;
    return whole.constant();
  }
  return false;
}

// The known clean packets in groups; a signature is judged by the group that it matches most of.
class CleanPackets {
 public:
  CleanPackets(std::vector<FeatureRow> own, std::vector<FeatureRow> others, std::span<const Archetype> archetypes,
               double archetype_scale)
      : groups_{std::move(own), std::move(others)}, archetypes_(archetypes), archetype_scale_(archetype_scale) {}

  bool any_archetypes() const { return !archetypes_.empty(); }
  size_t own_size() const { return groups_[0].size(); }

  using Sets = std::array<RowSet, 3>;  // own, others, archetypes
  Sets All() const {
    return {RowSet::All(groups_[0].size()), RowSet::All(groups_[1].size()), RowSet::All(archetypes_.size())};
  }
  // source_counts: whether the source tells anything from an archetype, which has none.
  Sets Matching(const Predicate& p, bool source_counts) const {
    Sets out{RowSet(groups_[0].size()), RowSet(groups_[1].size()), RowSet(archetypes_.size())};
    for (size_t g = 0; g < 2; ++g) {
      for (size_t r = 0; r < groups_[g].size(); ++r) {
        if (p.Matches(groups_[g][r])) out[g].add(r);
      }
    }
    if (p.feature == kSource) {
      if (!source_counts) out[2] = RowSet::All(archetypes_.size());
      return out;
    }
    for (size_t r = 0; r < archetypes_.size(); ++r) {
      if (archetypes_[r].any.test(static_cast<size_t>(p.feature)) || p.Matches(archetypes_[r].row)) out[2].add(r);
    }
    return out;
  }
  double WorstShare(const Sets& sets) const {
    auto share = [](const RowSet& s) {
      return s.size() == 0 ? 0.0 : static_cast<double>(s.count()) / static_cast<double>(s.size());
    };
    return std::max({share(sets[0]), share(sets[1]), share(sets[2]) * archetype_scale_});
  }
  static Sets And(const Sets& a, const Sets& b) { return {a[0].And(b[0]), a[1].And(b[1]), a[2].And(b[2])}; }

 private:
  std::array<std::vector<FeatureRow>, 2> groups_;
  std::span<const Archetype> archetypes_;
  double archetype_scale_;
};

struct Part {
  Predicate predicate;
  RowSet rows;               // of the table that it matches
  CleanPackets::Sets clean;  // of the clean packets
};

struct Conjunction {
  std::vector<Part> parts;  // the vector's own first
  size_t fixed = 0;         // how many of them may not go
  RowSet covers;            // of the table
  double cover_weight = 0;
  double bits = 0;
  double clean_share = 0;  // see CleanPackets::WorstShare
  bool valid = false;
};

class Miner {
 public:
  Miner(const MineInput& input, SampleTable table, CleanPackets clean)
      : input_(input), table_(std::move(table)), clean_(std::move(clean)), v4_(input.target.prefix.is_v4()) {
    total_ = table_.Weight(table_.All());
    const double known = clean_.own_size() >= kKnownCleanSamples ? kMinBitsKnown : kMinBits;
    const double severity =
        input.threshold_pps > 0 ? std::log2(std::max(1.0, input.attack_pps / input.threshold_pps)) : 0;
    min_bits_ = std::max(kLeastBits, known - severity) + (input.leftover ? kLeftoverBits : 0);
  }

  MineResult Run();

 private:
  std::vector<RowSet> Seeds(const RowSet& rest) const;
  RowSet Glued(const Conjunction& c, const RowSet& core) const;
  Conjunction BuildFrom(const RowSet& core) const;
  Conjunction Build(const RowSet& seed, const RowSet& rest) const;
  void Measure(Conjunction& c) const;
  void Prune(Conjunction& c) const;
  void Generalise(Conjunction& c) const;
  CleanPackets::Sets CleanWithout(const Conjunction& c, size_t left_out) const;
  rule::ExprPtr Expression(const Conjunction& c) const;

  const MineInput& input_;
  SampleTable table_;
  CleanPackets clean_;
  bool v4_;
  double total_ = 0;
  double min_bits_ = 0;
  bool lone_source_ = false;
};

CleanPackets::Sets Miner::CleanWithout(const Conjunction& c, size_t left_out) const {
  CleanPackets::Sets sets = clean_.All();
  for (size_t i = 0; i < c.parts.size(); ++i) {
    if (i != left_out) sets = CleanPackets::And(sets, c.parts[i].clean);
  }
  return sets;
}

void Miner::Measure(Conjunction& c) const {
  c.covers = table_.All();
  c.bits = !clean_.any_archetypes() && input_.vector >= BW_VECTOR_UDP_DNS ? kUnknownVectorBits : 0;
  for (const Part& p : c.parts) {
    c.covers = c.covers.And(p.rows);
    if (p.predicate.feature != kSource || lone_source_) c.bits += p.predicate.bits;
  }
  c.cover_weight = table_.Weight(c.covers);
  c.clean_share = clean_.WorstShare(CleanWithout(c, c.parts.size()));
  c.valid = c.clean_share <= kMaxCleanShare && c.bits >= min_bits_;
}

// How many comparisons the parts make when adjacent constant payload is written as one.
size_t Comparisons(const std::vector<Part>& parts) {
  std::vector<const FeatureInfo*> payload;
  size_t n = 0;
  for (const Part& p : parts) {
    if (IsPayload(p.predicate) && p.predicate.constant()) {
      payload.push_back(&Info(p.predicate.feature));
    } else {
      ++n;
    }
  }
  std::sort(payload.begin(), payload.end(), [](auto* a, auto* b) { return a->offset < b->offset; });
  for (size_t i = 0; i < payload.size(); ++n) {
    size_t length = payload[i]->length;
    const size_t from = payload[i]->offset;
    for (++i; i < payload.size() && payload[i]->offset == from + length &&
              length + payload[i]->length <= rule::kMaxByteLength;
         ++i) {
      length += payload[i]->length;
    }
  }
  return n;
}

// Down to kMaxComparisons: the least useful go first, and those which say nothing go anyway.
void Miner::Prune(Conjunction& c) const {
  for (;;) {
    const double whole = clean_.WorstShare(CleanWithout(c, c.parts.size()));
    size_t least = c.parts.size();
    std::pair<double, double> least_use{1e9, 1e9};
    // The more payload is named already, the less another piece of it says.
    double payload_bits = 0;
    for (const Part& p : c.parts) payload_bits += IsPayload(p.predicate) ? p.predicate.bits : 0;
    for (size_t i = c.fixed; i < c.parts.size(); ++i) {
      const Predicate& p = c.parts[i].predicate;
      const bool repeats = IsPayload(p) && payload_bits - p.bits >= kAmplePayloadBits;
      const std::pair<double, double> use{clean_.WorstShare(CleanWithout(c, i)), p.bits * (repeats ? kRepeats : 1)};
      if (use <= least_use) least_use = use, least = i;
    }
    if (least == c.parts.size()) return;
    const bool says_nothing = least_use.first <= whole && least_use.second < kSaysNothingBits;
    if (!says_nothing && Comparisons(c.parts) <= kMaxComparisons) return;
    c.parts.erase(c.parts.begin() + static_cast<ptrdiff_t>(least));
  }
}

// Drops comparisons which keep part of the attack out and aren't needed to tell it from clean packets.
void Miner::Generalise(Conjunction& c) const {
  for (bool again = true; again;) {
    again = false;
    std::optional<Conjunction> best;
    for (size_t i = c.fixed; i < c.parts.size(); ++i) {
      if (c.bits - c.parts[i].predicate.bits < kAmpleBits) continue;
      Conjunction wider = c;
      wider.parts.erase(wider.parts.begin() + static_cast<ptrdiff_t>(i));
      Measure(wider);
      if (!wider.valid || wider.clean_share > c.clean_share) continue;
      // What protects much has to keep much out; a long list is likely to lack values that weren't sampled.
      const bool long_list = c.parts[i].predicate.intervals.size() >= kLongList;
      const double enough = long_list ? 0 : std::max(kGeneraliseGain, kGeneralisePerBit * c.parts[i].predicate.bits);
      if (wider.cover_weight < c.cover_weight + enough * total_) continue;
      if (!best || wider.cover_weight > best->cover_weight) best = std::move(wider);
    }
    if (best) c = *std::move(best), again = true;
  }
}

// The rows that are in a cluster only because its lists have room for their values: a row with the rarer values of several
// lists at once is another kind of packet. Lists that a single kind of packet fills are rare together by chance alone.
RowSet Miner::Glued(const Conjunction& c, const RowSet& core) const {
  std::vector<int> rare(table_.rows().size(), 0);
  for (const Part& part : c.parts) {
    const Predicate& p = part.predicate;
    if (p.intervals.size() + p.sources.size() < 2) continue;
    std::vector<RowSet> members;
    for (const rule::Interval& i : p.intervals)
      members.push_back(table_.Matching({p.feature, {i}, {}, 0, false}).And(core));
    for (const net::IpPrefix& s : p.sources)
      members.push_back(table_.Matching({p.feature, {}, {s}, 0, false}).And(core));
    double most = 0;
    for (const RowSet& m : members) most = std::max(most, table_.Weight(m));
    for (const RowSet& m : members) {
      if (table_.Weight(m) < kRareValue * most) m.ForEach([&](size_t r) { ++rare[r]; });
    }
  }
  RowSet glued(table_.rows().size());
  core.ForEach([&](size_t r) {
    if (rare[r] >= kGluedLists) glued.add(r);
  });
  return glued;
}

Conjunction Miner::Build(const RowSet& seed, const RowSet& rest) const {
  RowSet core = table_.WithoutOutliers(seed.And(rest));
  Conjunction c = BuildFrom(core);
  for (int round = 0; round < kPurifyRounds; ++round) {
    const RowSet glued = Glued(c, core);
    if (glued.count() == 0 || glued.count() * 3 > core.count()) break;
    core = core.Without(glued);
    c = BuildFrom(core);
  }
  return c;
}

Conjunction Miner::BuildFrom(const RowSet& core) const {
  const int own = VectorFeature(input_.vector);
  const double core_weight = table_.Weight(core);
  std::vector<Predicate> common = table_.Common(core);
  // The other comparisons imply the protocol.
  if (input_.vector != BW_VECTOR_FRAGMENT && own != kProto) {
    std::erase_if(common, [](const Predicate& p) { return p.feature == kProto; });
  }

  Conjunction c;
  RowSet joint = core;
  struct Candidate {
    double loss;
    RowSet rows;
    Predicate* predicate;
  };
  std::vector<Candidate> candidates;
  for (Predicate& p : common) {
    RowSet rows = table_.Matching(p);
    if (p.feature == own) {
      p.bits = 0;
      joint = joint.And(rows);
      c.parts.push_back({p, std::move(rows), clean_.Matching(p, lone_source_)});
    } else {
      const double loss = 1 - table_.Weight(core.And(rows)) / core_weight;
      candidates.push_back({loss, std::move(rows), &p});
    }
  }
  if (c.parts.empty() && own >= 0) return c;  // not one kind of packet: only parts of it can be signed
  c.fixed = c.parts.size();
  std::stable_sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    const bool free_a = a.loss <= 0, free_b = b.loss <= 0;
    return free_a != free_b ? free_a : a.predicate->bits > b.predicate->bits;
  });
  double weight = table_.Weight(joint);
  for (Candidate& candidate : candidates) {
    const Predicate& p = *candidate.predicate;
    if (c.parts.size() == kMaxCandidates) break;
    if (std::any_of(c.parts.begin(), c.parts.end(), [&](const Part& q) { return Overlaps(p, q.predicate); })) continue;
    RowSet rows = joint.And(candidate.rows);
    const double after = table_.Weight(rows);
    if (weight - after > kMaxLoss * core_weight || after < kMinClusterCover * core_weight) continue;
    joint = std::move(rows);
    weight = after;
    c.parts.push_back({p, std::move(candidate.rows), clean_.Matching(p, lone_source_)});
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
    RowSet rows = table_.Matching(p).And(rest);
    if (rows.count() < kMinMiningSamples) return;
    const double share = table_.Weight(rows) / total;
    seeds.push_back({share * (1 + std::min(16.0, p.bits)), std::move(rows)});
  };
  for (int f = 0; f < kByteFirst; ++f) {
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
      Predicate p{f, {{v.value, v.value}}, {}, 0, false};
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
  for (const Part& part : c.parts) {
    const Predicate& p = part.predicate;
    udp = udp || p.feature == kUdpSport || p.feature == kUdpDport || p.feature == kUdpLen;
    if (IsPayload(p) && p.constant()) {
      payload.push_back(&p);
    } else {
      all.push_back(ToExpr(p, v4_));
    }
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
  const double total = total_;
  RowSet rest = table_.All();
  std::string why;
  while (result.signatures.size() < input_.max_signatures) {
    const double left = table_.Weight(rest);
    const double left_pps = input_.attack_pps * left / total;
    if (rest.count() < kMinMiningSamples || left_pps < input_.min_cluster_pps) break;
    std::optional<Conjunction> best;
    double best_score = 0;
    double least_clean = 1;
    double most_bits = 0;
    for (const RowSet& seed : Seeds(rest)) {
      // One source alone is remarkable only when this part of the attack is fast enough to be no client.
      lone_source_ =
          LoneSourceRemarkable(input_.vector) && input_.attack_pps * table_.Weight(seed) / total >= kLoneSourcePps;
      Conjunction c = Build(seed, rest);
      if (c.parts.empty()) continue;
      if (!c.valid) {
        if (c.bits >= min_bits_) least_clean = std::min(least_clean, c.clean_share);
        most_bits = std::max(most_bits, c.bits);
        continue;
      }
      const double gain = table_.Weight(c.covers.And(rest));
      if (gain * input_.attack_pps < input_.min_cluster_pps * total) continue;
      const double score = gain / left + kCoverPerBit * std::min(c.bits, kEnoughBits);
      if (!best || score > best_score) best = std::move(c), best_score = score;
    }
    if (!best) {
      if (most_bits < min_bits_) {
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
  CleanPackets clean(Rows(input.clean_own, kMaxRows / 4), Rows(input.clean_others, kMaxRows / 4),
                     Archetypes(input.vector, input.target.prefix.is_v4()), ArchetypeScale(input.vector));
  Miner miner(input, SampleTable(Rows(input.attack, kMaxRows)), std::move(clean));
  return miner.Run();
}

}  // namespace breakwater::detect
