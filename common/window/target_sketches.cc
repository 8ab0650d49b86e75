#include "common/window/target_sketches.h"

#include <optional>

#include "common/window/sample_reader.h"

namespace breakwater::window {

using rule::FieldId;

void TargetSketches::Add(const HeaderSample& sample, uint32_t asn) {
  const uint64_t weight = sample.weight;
  const bool v4 = sample.source.is_v4();
  const net::IpPrefix source(sample.source, v4 ? 32 : 64);
  sources.Add(source, weight);
  networks.Add(net::IpPrefix(sample.source, v4 ? 24 : 48), weight);
  if (asn != 0) asns.Add(asn, weight);
  distinct_sources.Add(source.address().bytes());
  lengths.Add(sample.ip_length / kLengthStep, weight);

  const SampleReader packet(sample);
  const auto add = [&](FieldId field, auto& into) {
    if (std::optional<uint64_t> v = packet.Number(field)) into.Add(static_cast<uint32_t>(*v), weight);
  };
  add(FieldId::kIpTtl, ttls);
  add(FieldId::kTcpFlags, tcp_flags);
  add(FieldId::kSrcPort, source_ports);
  add(FieldId::kDstPort, destination_ports);
}

absl::Status TargetSketches::Merge(const TargetSketches& other) {
  // First, as only the seeds can differ.
  if (absl::Status s = distinct_sources.Merge(other.distinct_sources); !s.ok()) return s;
  absl::Status all;
  all.Update(sources.Merge(other.sources));
  all.Update(networks.Merge(other.networks));
  all.Update(asns.Merge(other.asns));
  all.Update(lengths.Merge(other.lengths));
  all.Update(ttls.Merge(other.ttls));
  all.Update(tcp_flags.Merge(other.tcp_flags));
  all.Update(source_ports.Merge(other.source_ports));
  all.Update(destination_ports.Merge(other.destination_ports));
  return all;
}

}  // namespace breakwater::window
