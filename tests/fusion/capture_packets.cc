#include "tests/fusion/capture_packets.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "edge/datapath/datapath.h"
#include "edge/replay/capture.h"

namespace breakwater::fusion {

using window::HeaderSample;
using window::TargetVector;

absl::StatusOr<std::vector<HeaderSample>> CapturePackets(const std::string& path) {
  absl::StatusOr<std::unique_ptr<replay::CaptureReader>> reader = replay::CaptureReader::Open(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::unique_ptr<datapath::Engine>> engine = datapath::NewNativeEngine({.host_table_entries = 64});
  if (!engine.ok()) return engine.status();
  datapath::Ruleset everything;
  for (const char* all : {"0.0.0.0/0", "::/0"}) {
    everything.policies.push_back({.prefix = *net::IpPrefix::Parse(all), .undeclared = datapath::Undeclared::kPass});
  }
  if (absl::StatusOr<datapath::InstallReport> r = (*engine)->Install(everything); !r.ok()) return r.status();
  std::vector<HeaderSample> out;
  while (const replay::Packet* p = (*reader)->Next()) {
    const absl::Time at = absl::FromUnixNanos(p->time_ns);
    if (absl::StatusOr<datapath::Verdict> v = (*engine)->Process(p->frame, at); !v.ok()) return v.status();
    // Taken after each packet, every one is the first of its slot and so a sample.
    absl::StatusOr<datapath::SlotCounters> taken = (*engine)->TakeCounters();
    if (!taken.ok()) return taken.status();
    out.insert(out.end(), taken->samples.begin(), taken->samples.end());
  }
  if (!(*reader)->status().ok()) return (*reader)->status();
  return out;
}

std::vector<HeaderSample> ToOneTarget(const std::vector<HeaderSample>& packets) {
  const auto key_of = [](const HeaderSample& s) { return TargetVector{window::Target::Host(s.destination), s.vector}; };
  absl::flat_hash_map<TargetVector, size_t> counts;
  for (const HeaderSample& s : packets) ++counts[key_of(s)];
  const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second < b.second : a.first > b.first;
  });
  std::vector<HeaderSample> out;
  for (const HeaderSample& s : packets) {
    if (key_of(s) == most->first) out.push_back(s);
  }
  return out;
}

}  // namespace breakwater::fusion
