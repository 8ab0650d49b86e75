#include "common/window/window_wire.h"

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/sketch/sketch_wire.h"
#include "common/window/detail_wire.h"

namespace breakwater::window {
namespace {

namespace v1 = ::breakwater::v1;
using internal::OverLimit;
using sketch::kMaxWireCount;
using Values = google::protobuf::RepeatedField<uint64_t>;

constexpr int64_t kMaxStartMs = int64_t{1} << 53;
constexpr int64_t kMaxClockOffsetUs = 1000000000000;

absl::Status At(const std::string& place, const absl::Status& s) {
  return absl::Status(s.code(), absl::StrCat(place, ": ", std::string(s.message())));
}

// Counts and RuleCounts are four numbers each, in the order of the row's four lists.
using Four = std::array<uint64_t, 4>;
Four AsFour(const Counts& c) { return {c.packets, c.bytes, c.dropped_packets, c.dropped_bytes}; }
Four AsFour(const RuleCounts& c) { return {c.matched_packets, c.matched_bytes, c.dropped_packets, c.dropped_bytes}; }
void FromFour(const Four& f, Counts& c) { c = {f[0], f[1], f[2], f[3]}; }
void FromFour(const Four& f, RuleCounts& c) { c = {f[0], f[1], f[2], f[3]}; }

template <typename Row>
std::array<Values*, 4> Lists(Row& row) {
  if constexpr (requires { row.mutable_packets(); }) {
    return {row.mutable_packets(), row.mutable_bytes(), row.mutable_dropped_packets(), row.mutable_dropped_bytes()};
  } else {
    return {row.mutable_matched_packets(), row.mutable_matched_bytes(), row.mutable_dropped_packets(),
            row.mutable_dropped_bytes()};
  }
}
std::array<const Values*, 4> Lists(const v1::CountRow& row) {
  return {&row.packets(), &row.bytes(), &row.dropped_packets(), &row.dropped_bytes()};
}
std::array<const Values*, 4> Lists(const v1::RuleRow& row) {
  return {&row.matched_packets(), &row.matched_bytes(), &row.dropped_packets(), &row.dropped_bytes()};
}

// One row's values over all slots.
using Series = std::vector<Four>;

bool AllZero(const Series& series, size_t list) {
  return std::all_of(series.begin(), series.end(), [list](const Four& f) { return f[list] == 0; });
}

template <typename Row>
void WriteRow(const Series& series, Row& row) {
  uint32_t mask = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    if (series[i] != Four{}) mask |= 1u << i;
  }
  const uint32_t all = (1u << series.size()) - 1;
  if (mask != all) row.set_mask(mask);
  const std::array<Values*, 4> lists = Lists(row);
  for (size_t list = 0; list < 4; ++list) {
    if (AllZero(series, list)) continue;
    for (size_t i = 0; i < series.size(); ++i) {
      if (mask >> i & 1) lists[list]->Add(series[i][list]);
    }
  }
}

template <typename Row>
absl::StatusOr<Series> ReadRow(const Row& row, uint32_t slots) {
  static constexpr std::array<const char*, 4> kNames = {"packets", "bytes", "dropped_packets", "dropped_bytes"};
  const uint32_t all = (1u << slots) - 1;
  if (row.mask() > all) return OverLimit("mask", row.mask(), all);
  const uint32_t mask = row.mask() == 0 ? all : row.mask();
  const int n = std::popcount(mask);
  Series series(slots, Four{});
  const std::array<const Values*, 4> lists = Lists(row);
  for (size_t list = 0; list < 4; ++list) {
    const Values& values = *lists[list];
    if (values.empty()) continue;
    if (values.size() != n) {
      return absl::InvalidArgumentError(
          absl::StrCat(kNames[list], " has ", values.size(), " values, the mask has ", n, " slots"));
    }
    int next = 0;
    for (uint32_t i = 0; i < slots; ++i) {
      if ((mask >> i & 1) == 0) continue;
      const uint64_t value = values[next++];
      if (value > kMaxWireCount) return OverLimit(absl::StrCat(kNames[list], "[", next - 1, "]"), value, kMaxWireCount);
      series[i][list] = value;
    }
  }
  for (uint32_t i = 0; i < slots; ++i) {
    for (size_t list : {0, 1}) {
      if (series[i][list + 2] > series[i][list]) {
        return OverLimit(absl::StrCat(kNames[list + 2], " of slot ", i), series[i][list + 2], series[i][list]);
      }
    }
  }
  return series;
}

// Every key's values over all slots, in the order of the keys: equal windows are equal bytes. get(slot) is that slot's
// map.
template <typename Key, typename Get>
std::map<Key, Series> Transpose(const std::vector<Slot>& slots, Get get) {
  std::map<Key, Series> rows;
  for (size_t i = 0; i < slots.size(); ++i) {
    for (const auto& [key, counts] : get(slots[i])) {
      const Four four = AsFour(counts);
      if (four == Four{}) continue;
      Series& series = rows[key];
      if (series.empty()) series.resize(slots.size(), Four{});
      series[i] = four;
    }
  }
  return rows;
}

using Totals96 = std::array<Counts, BW_VECTOR_MAX>;

void WriteOther(const std::vector<Slot>& slots, Totals96 Slot::*member,
                google::protobuf::RepeatedPtrField<v1::OtherRow>& out) {
  for (size_t v = 0; v < BW_VECTOR_MAX; ++v) {
    Series series;
    for (const Slot& slot : slots) series.push_back(AsFour((slot.*member)[v]));
    if (std::all_of(series.begin(), series.end(), [](const Four& f) { return f == Four{}; })) continue;
    v1::OtherRow& row = *out.Add();
    row.set_vector(static_cast<uint32_t>(v));
    WriteRow(series, *row.mutable_counts());
  }
}

absl::Status ReadOther(const google::protobuf::RepeatedPtrField<v1::OtherRow>& rows, const std::string& name,
                       Totals96 Slot::*member, std::vector<Slot>& slots) {
  if (rows.size() > BW_VECTOR_MAX) {
    return OverLimit(name + "'s size", static_cast<uint64_t>(rows.size()), BW_VECTOR_MAX);
  }
  std::array<bool, BW_VECTOR_MAX> seen{};
  for (int r = 0; r < rows.size(); ++r) {
    const std::string place = absl::StrCat(name, "[", r, "]");
    const uint32_t v = rows[r].vector();
    if (v >= BW_VECTOR_MAX) return At(place, OverLimit("vector", v, BW_VECTOR_MAX - 1));
    if (std::exchange(seen[v], true))
      return absl::InvalidArgumentError(absl::StrCat(place, ": second row of vector ", v));
    absl::StatusOr<Series> series = ReadRow(rows[r].counts(), static_cast<uint32_t>(slots.size()));
    if (!series.ok()) return At(place + ".counts", series.status());
    for (size_t i = 0; i < slots.size(); ++i) FromFour((*series)[i], (slots[i].*member)[v]);
  }
  return absl::OkStatus();
}

absl::Status CheckSize(const char* field, int size, int limit) {
  if (size <= limit) return absl::OkStatus();
  return OverLimit(absl::StrCat(field, "' size"), static_cast<uint64_t>(size), static_cast<uint64_t>(limit));
}

absl::Status CheckSizes(const v1::Window& m) {
  absl::Status s;
  s.Update(CheckSize("targets", m.targets_size(), WireBounds::kTargets));
  s.Update(CheckSize("traffic rows", m.traffic_size(), WireBounds::kTrafficRows));
  s.Update(CheckSize("rules", m.rules_size(), WireBounds::kRules));
  s.Update(CheckSize("gateway sites", m.gateway_size(), WireBounds::kGatewaySites));
  s.Update(CheckSize("sketches", m.sketches_size(), WireBounds::kSketches));
  s.Update(CheckSize("samples", m.samples_size(), WireBounds::kSamples));
  return s;
}

absl::Status ReadHeader(const v1::Window& m, Window& w) {
  if (m.last_sequence() < m.first_sequence()) {
    return absl::InvalidArgumentError(
        absl::StrCat("last_sequence ", m.last_sequence(), " is before first_sequence ", m.first_sequence()));
  }
  if (m.last_sequence() - m.first_sequence() > WireBounds::kSequenceSpan) {
    return OverLimit("last_sequence - first_sequence", m.last_sequence() - m.first_sequence(),
                     WireBounds::kSequenceSpan);
  }
  if (m.merged() < 1) return absl::InvalidArgumentError("merged is 0, must be 1 or more");
  if (m.merged() > WireBounds::kMerged) return OverLimit("merged", m.merged(), WireBounds::kMerged);
  if (m.start_unix_ms() < 0 || m.start_unix_ms() > kMaxStartMs) {
    return absl::InvalidArgumentError(
        absl::StrCat("start_unix_ms is ", m.start_unix_ms(), ", not in 0..", kMaxStartMs));
  }
  const uint32_t steps = m.slot_ms() / 100;
  if (m.slot_ms() % 100 != 0 || !std::has_single_bit(steps) || steps > 64) {
    return absl::InvalidArgumentError(absl::StrCat("slot_ms is ", m.slot_ms(), ", must be 100 x 2^n up to 6400"));
  }
  if (m.slots() < 1 || m.slots() > kSlotsPerWindow) {
    return absl::InvalidArgumentError(absl::StrCat("slots is ", m.slots(), ", not in 1..", kSlotsPerWindow));
  }
  if (m.clock_offset_us() < -kMaxClockOffsetUs || m.clock_offset_us() > kMaxClockOffsetUs) {
    return absl::InvalidArgumentError(
        absl::StrCat("clock_offset_us is ", m.clock_offset_us(), ", not within +-", kMaxClockOffsetUs));
  }
  w.id = {m.boot_id(), m.first_sequence(), m.last_sequence()};
  w.merged = m.merged();
  w.start = absl::FromUnixMillis(m.start_unix_ms());
  w.clock_offset = absl::Microseconds(m.clock_offset_us());
  w.lost_samples = m.lost_samples();
  if (m.reported_slots() > m.slots()) return OverLimit("reported_slots", m.reported_slots(), m.slots());
  w.reported_slots = m.reported_slots() == 0 ? m.slots() : m.reported_slots();
  w.slots.resize(m.slots());
  for (uint32_t i = 0; i < m.slots(); ++i) {
    w.slots[i].length = absl::Milliseconds(m.slot_ms());
    w.slots[i].start = w.start + w.slots[i].length * static_cast<int64_t>(i);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Target>> ReadTargets(const v1::Window& m) {
  std::vector<Target> targets;
  absl::flat_hash_set<Target> seen;
  for (int i = 0; i < m.targets_size(); ++i) {
    absl::StatusOr<Target> t = internal::FromProto(m.targets(i));
    if (!t.ok()) return At(absl::StrCat("targets[", i, "]"), t.status());
    if (!seen.insert(*t).second) {
      return absl::InvalidArgumentError(absl::StrCat("targets[", i, "]: ", t->ToString(), " is there twice"));
    }
    targets.push_back(*std::move(t));
  }
  return targets;
}

// The (target, vector) a row or sketch speaks about.
template <typename Row>
absl::StatusOr<TargetVector> ReadKey(const Row& row, const std::vector<Target>& targets) {
  if (row.target() >= targets.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("target is ", row.target(), ", but the window names ", targets.size(), " targets"));
  }
  if (row.vector() >= BW_VECTOR_MAX) return OverLimit("vector", row.vector(), BW_VECTOR_MAX - 1);
  return TargetVector{targets[row.target()], static_cast<Vector>(row.vector())};
}

absl::Status ReadCounters(const v1::Window& m, const std::vector<Target>& targets, Window& w) {
  absl::flat_hash_set<std::pair<uint32_t, uint32_t>> keys;
  for (int r = 0; r < m.traffic_size(); ++r) {
    const v1::TrafficRow& row = m.traffic(r);
    const std::string place = absl::StrCat("traffic[", r, "]");
    absl::StatusOr<TargetVector> key = ReadKey(row, targets);
    if (!key.ok()) return At(place, key.status());
    if (!keys.emplace(row.target(), row.vector()).second) {
      return absl::InvalidArgumentError(absl::StrCat(place, ": second row of this target and vector ", row.vector()));
    }
    absl::StatusOr<Series> series = ReadRow(row.counts(), m.slots());
    if (!series.ok()) return At(place + ".counts", series.status());
    for (size_t i = 0; i < series->size(); ++i) {
      if ((*series)[i] != Four{}) FromFour((*series)[i], w.slots[i].traffic[*key]);
    }
  }
  if (absl::Status s = ReadOther(m.other(), "other", &Slot::other, w.slots); !s.ok()) return s;
  if (absl::Status s = ReadOther(m.other_groups(), "other_groups", &Slot::other_groups, w.slots); !s.ok()) return s;

  absl::flat_hash_set<std::string> rules;
  for (int r = 0; r < m.rules_size(); ++r) {
    const v1::RuleRow& row = m.rules(r);
    const std::string place = absl::StrCat("rules[", r, "]");
    if (row.rule_id().empty()) return absl::InvalidArgumentError(absl::StrCat(place, ": rule_id is empty"));
    if (row.rule_id().size() > WireBounds::kRuleId) {
      return At(place, OverLimit("rule_id's length", row.rule_id().size(), WireBounds::kRuleId));
    }
    if (!rules.insert(row.rule_id()).second) {
      return absl::InvalidArgumentError(absl::StrCat(place, ": second row of rule ", row.rule_id()));
    }
    absl::StatusOr<Series> series = ReadRow(row, m.slots());
    if (!series.ok()) return At(place, series.status());
    for (size_t i = 0; i < series->size(); ++i) {
      if ((*series)[i] != Four{}) FromFour((*series)[i], w.slots[i].rules[row.rule_id()]);
    }
  }
  return absl::OkStatus();
}

absl::Status ReadDetail(const v1::Window& m, const std::vector<Target>& targets, Window& w) {
  for (int i = 0; i < m.gateway_size(); ++i) {
    const std::string place = absl::StrCat("gateway[", i, "]");
    absl::StatusOr<GatewayCounts> counts = internal::FromProto(m.gateway(i));
    if (!counts.ok()) return At(place, counts.status());
    if (!w.gateway.emplace(m.gateway(i).site(), *std::move(counts)).second) {
      return absl::InvalidArgumentError(absl::StrCat(place, ": second entry of site ", m.gateway(i).site()));
    }
  }
  for (int i = 0; i < m.sketches_size(); ++i) {
    const std::string place = absl::StrCat("sketches[", i, "]");
    absl::StatusOr<TargetVector> key = ReadKey(m.sketches(i), targets);
    if (!key.ok()) return At(place, key.status());
    absl::StatusOr<TargetSketches> sketches = internal::FromProto(m.sketches(i));
    if (!sketches.ok()) return At(place, sketches.status());
    if (!w.sketches.emplace(*key, *std::move(sketches)).second) {
      return absl::InvalidArgumentError(absl::StrCat(place, ": second entry of this target and vector"));
    }
  }
  for (int i = 0; i < m.samples_size(); ++i) {
    absl::StatusOr<HeaderSample> s = internal::FromProto(m.samples(i), w.start, w.end());
    if (!s.ok()) return At(absl::StrCat("samples[", i, "]"), s.status());
    w.samples.push_back(*std::move(s));
  }
  std::stable_sort(w.samples.begin(), w.samples.end(),
                   [](const HeaderSample& a, const HeaderSample& b) { return a.time < b.time; });
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Window> ToProto(const Window& w) {
  v1::Window m;
  m.set_boot_id(w.id.boot_id);
  m.set_first_sequence(w.id.first_sequence);
  m.set_last_sequence(w.id.last_sequence);
  m.set_merged(w.merged);
  m.set_start_unix_ms(absl::ToUnixMillis(w.start));
  m.set_slot_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(w.slot_length())));
  m.set_slots(static_cast<uint32_t>(w.slots.size()));
  m.set_clock_offset_us(absl::ToInt64Microseconds(w.clock_offset));
  m.set_lost_samples(w.lost_samples);
  m.set_reported_slots(w.reported_slots == w.slots.size() ? 0 : w.reported_slots);

  const auto traffic = Transpose<TargetVector>(
      w.slots, [](const Slot& s) -> auto& { return s.traffic; });
  std::map<Target, uint32_t> index;
  const auto index_of = [&](const Target& target) {
    auto [it, inserted] = index.try_emplace(target, static_cast<uint32_t>(index.size()));
    if (inserted) *m.add_targets() = internal::ToProto(target);
    return it->second;
  };
  for (const auto& [key, series] : traffic) {
    v1::TrafficRow& row = *m.add_traffic();
    row.set_target(index_of(key.target));
    row.set_vector(static_cast<uint32_t>(key.vector));
    WriteRow(series, *row.mutable_counts());
  }
  WriteOther(w.slots, &Slot::other, *m.mutable_other());
  WriteOther(w.slots, &Slot::other_groups, *m.mutable_other_groups());
  for (const auto& [id, series] : Transpose<std::string>(
           w.slots, [](const Slot& s) -> auto& { return s.rules; })) {
    v1::RuleRow& row = *m.add_rules();
    row.set_rule_id(id);
    WriteRow(series, row);
  }
  for (const auto& [site, counts] : std::map(w.gateway.begin(), w.gateway.end())) {
    absl::StatusOr<v1::GatewaySite> g = internal::ToProto(site, counts);
    if (!g.ok()) return At(absl::StrCat("gateway[", m.gateway_size(), "]"), g.status());
    *m.add_gateway() = *std::move(g);
  }
  for (const auto& [key, sketches] : std::map(w.sketches.begin(), w.sketches.end())) {
    v1::TargetSketches& s = *m.add_sketches();
    s = internal::ToProto(sketches);
    s.set_target(index_of(key.target));
    s.set_vector(static_cast<uint32_t>(key.vector));
  }
  for (const HeaderSample& sample : w.samples) {
    absl::StatusOr<v1::HeaderSample> s = internal::ToProto(sample, w.start, w.end());
    if (!s.ok()) return At(absl::StrCat("samples[", m.samples_size(), "]"), s.status());
    *m.add_samples() = *std::move(s);
  }
  // The same rules for both directions: what this edge couldn't read back, it doesn't send.
  if (absl::StatusOr<Window> back = FromProto(m); !back.ok()) return back.status();
  return m;
}

absl::StatusOr<Window> FromProto(const v1::Window& m) {
  if (absl::Status s = CheckSizes(m); !s.ok()) return s;
  Window w;
  if (absl::Status s = ReadHeader(m, w); !s.ok()) return s;
  absl::StatusOr<std::vector<Target>> targets = ReadTargets(m);
  if (!targets.ok()) return targets.status();
  if (absl::Status s = ReadCounters(m, *targets, w); !s.ok()) return s;
  if (absl::Status s = ReadDetail(m, *targets, w); !s.ok()) return s;
  return w;
}

absl::StatusOr<std::string> Serialize(const Window& window) {
  absl::StatusOr<v1::Window> m = ToProto(window);
  if (!m.ok()) return m.status();
  const size_t size = m->ByteSizeLong();
  if (size > WireBounds::kBytes) return OverLimit("the window's size in bytes", size, WireBounds::kBytes);
  std::string bytes;
  m->SerializeToString(&bytes);
  return bytes;
}

absl::StatusOr<Window> Parse(std::string_view bytes) {
  if (bytes.size() > WireBounds::kBytes) {
    return OverLimit("the window's size in bytes", bytes.size(), WireBounds::kBytes);
  }
  // A name that isn't UTF-8 is in the error below; the library would also print it for every such message.
  const google::protobuf::LogSilencer silence;
  v1::Window m;
  if (!m.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("these ", bytes.size(), " bytes are not a breakwater.v1.Window; they may be cut short"));
  }
  return FromProto(m);
}

v1::Target TargetToProto(const Target& target) { return internal::ToProto(target); }

absl::StatusOr<Target> TargetFromProto(const v1::Target& message) { return internal::FromProto(message); }

}  // namespace breakwater::window
