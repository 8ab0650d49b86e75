#include "common/window/detail_wire.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sketch/sketch_wire.h"
#include "common/window/window_wire.h"

namespace breakwater::window::internal {
namespace {

namespace v1 = ::breakwater::v1;
using sketch::MisraGries;

std::string AddressBytes(const net::IpAddress& address, size_t keep = 16) {
  const auto& b = address.bytes();
  const size_t from = address.is_v4() ? 12 : 0;
  return std::string(reinterpret_cast<const char*>(b.data()) + from, std::min(keep, 16 - from));
}

// bytes: the first ones of an address of the family, the others are 0.
net::IpAddress AddressFrom(std::string_view bytes, bool v4) {
  std::array<uint8_t, 16> full{};
  if (v4) full[10] = full[11] = 0xff;
  std::transform(bytes.begin(), bytes.end(), full.begin() + (v4 ? 12 : 0),
                 [](char c) { return static_cast<uint8_t>(c); });
  return net::IpAddress::FromBytes(full);
}

absl::StatusOr<net::IpAddress> ReadAddress(const std::string& field, const std::string& bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) {
    return absl::InvalidArgumentError(absl::StrCat(field, " has ", bytes.size(), " bytes, must have 4 or 16"));
  }
  const net::IpAddress address = AddressFrom(bytes, bytes.size() == 4);
  if (bytes.size() == 16 && address.is_v4()) {
    return absl::InvalidArgumentError(absl::StrCat(field, " is an IPv4 address in 16 bytes, must have 4"));
  }
  return address;
}

absl::Status CheckSite(const std::string& site) {
  if (site.empty()) return absl::InvalidArgumentError("site is empty");
  if (site.size() > WireBounds::kSiteName) return OverLimit("site's length", site.size(), WireBounds::kSiteName);
  return absl::OkStatus();
}

absl::Status In(std::string_view field, const absl::Status& s) {
  return absl::Status(s.code(), absl::StrCat(std::string(field), ": ", std::string(s.message())));
}

v1::PrefixHeavyHitters PrefixesToProto(MisraGries<net::IpPrefix> sketch, int v4_length, int v6_length) {
  sketch.Compact();
  v1::PrefixHeavyHitters m;
  m.set_k(sketch.k());
  m.set_total(sketch.total());
  m.set_error(sketch.error());
  for (const auto& [prefix, count] : sketch.Counters()) {
    if (prefix.is_v4()) {
      m.set_v4_length(static_cast<uint32_t>(v4_length));
      m.mutable_v4_keys()->append(AddressBytes(prefix.address(), static_cast<size_t>(v4_length + 7) / 8));
      m.add_v4_counts(count);
    } else {
      m.set_v6_length(static_cast<uint32_t>(v6_length));
      m.mutable_v6_keys()->append(AddressBytes(prefix.address(), static_cast<size_t>(v6_length + 7) / 8));
      m.add_v6_counts(count);
    }
  }
  return m;
}

// One family's keys. length: what it must be when there are any.
absl::Status ReadKeys(const std::string& keys, const google::protobuf::RepeatedField<uint64_t>& counts, bool v4,
                      uint32_t given, int length, uint32_t k, std::vector<MisraGries<net::IpPrefix>::Counter>& out) {
  const std::string family = v4 ? "v4" : "v6";
  if (keys.empty() && counts.empty()) return absl::OkStatus();
  if (given != static_cast<uint32_t>(length)) {
    return absl::InvalidArgumentError(absl::StrCat(family, "_length is ", given, ", must be ", length));
  }
  if (counts.size() > static_cast<int>(k)) return OverLimit(family + "_counts' size", counts.size(), k);
  const size_t width = static_cast<size_t>(length + 7) / 8;
  if (keys.size() != width * static_cast<size_t>(counts.size())) {
    return absl::InvalidArgumentError(absl::StrCat(family, "_keys has ", keys.size(), " bytes for ", counts.size(),
                                                   " counts of ", width, " bytes each"));
  }
  for (int i = 0; i < counts.size(); ++i) {
    const std::string_view key = std::string_view(keys).substr(static_cast<size_t>(i) * width, width);
    const net::IpAddress address = AddressFrom(key, v4);
    if (address.is_v4() != v4) {
      return absl::InvalidArgumentError(absl::StrCat(family, "_keys[", i, "] is an address of the other family"));
    }
    out.emplace_back(net::IpPrefix(address, length), counts[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<MisraGries<net::IpPrefix>> PrefixesFromProto(const v1::PrefixHeavyHitters& m, uint32_t k, int v4_length,
                                                            int v6_length) {
  if (m.k() != k) return absl::InvalidArgumentError(absl::StrCat("k is ", m.k(), ", must be ", k));
  if (m.total() > sketch::kMaxWireCount) return OverLimit("total", m.total(), sketch::kMaxWireCount);
  std::vector<MisraGries<net::IpPrefix>::Counter> counters;
  if (absl::Status s = ReadKeys(m.v4_keys(), m.v4_counts(), true, m.v4_length(), v4_length, k, counters); !s.ok()) {
    return s;
  }
  if (absl::Status s = ReadKeys(m.v6_keys(), m.v6_counts(), false, m.v6_length(), v6_length, k, counters); !s.ok()) {
    return s;
  }
  return MisraGries<net::IpPrefix>::FromCounters(k, m.total(), m.error(), counters);
}

absl::StatusOr<MisraGries<uint32_t>> NumbersFromProto(const v1::NumberHeavyHitters& m, uint32_t k) {
  if (m.k() != k) return absl::InvalidArgumentError(absl::StrCat("k is ", m.k(), ", must be ", k));
  return sketch::FromProto(m);
}

absl::StatusOr<sketch::ExactHistogram> HistogramFromProto(const v1::ExactHistogram& m, uint32_t domain) {
  if (m.domain() != domain)
    return absl::InvalidArgumentError(absl::StrCat("domain is ", m.domain(), ", must be ", domain));
  return sketch::FromProto(m);
}

absl::StatusOr<sketch::LogHistogram> LatencyFromProto(const v1::LogHistogram& m) {
  absl::StatusOr<sketch::LogHistogram> h = sketch::FromProto(m);
  if (h.ok() && h->layout() != sketch::kLatencyLayout) {
    return absl::InvalidArgumentError("layout isn't that of latencies (error_permille 50, min 100, bins 128)");
  }
  return h;
}

}  // namespace

absl::Status OverLimit(const std::string& field, uint64_t value, uint64_t limit) {
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, ", the limit is ", limit));
}

v1::Target ToProto(const Target& target) {
  v1::Target m;
  if (!target.site.empty()) {
    m.set_site(target.site);
  } else {
    m.set_address(AddressBytes(target.prefix.address()));
    m.set_length(static_cast<uint32_t>(target.prefix.length()));
  }
  return m;
}

absl::StatusOr<Target> FromProto(const v1::Target& m) {
  if (m.address().empty()) {
    if (absl::Status s = CheckSite(m.site()); !s.ok()) return s;
    if (m.length() != 0)
      return absl::InvalidArgumentError(absl::StrCat("length is ", m.length(), " for a site, must be 0"));
    return Target{{}, m.site()};
  }
  if (!m.site().empty()) return absl::InvalidArgumentError("both address and site are set");
  absl::StatusOr<net::IpAddress> address = ReadAddress("address", m.address());
  if (!address.ok()) return address.status();
  const uint32_t limit = address->is_v4() ? 32 : 128;
  if (m.length() > limit) return OverLimit("length", m.length(), limit);
  const net::IpPrefix prefix(*address, static_cast<int>(m.length()));
  if (prefix.address() != *address) {
    return absl::InvalidArgumentError(
        absl::StrCat("address ", address->ToString(), " has bits behind its length ", m.length()));
  }
  return Target::Prefix(prefix);
}

v1::TargetSketches ToProto(const TargetSketches& s) {
  v1::TargetSketches m;
  *m.mutable_sources() = PrefixesToProto(s.sources, 32, 64);
  *m.mutable_networks() = PrefixesToProto(s.networks, 24, 48);
  *m.mutable_asns() = sketch::ToProto(s.asns);
  *m.mutable_distinct_sources() = sketch::ToProto(s.distinct_sources);
  *m.mutable_lengths() = sketch::ToProto(s.lengths);
  *m.mutable_ttls() = sketch::ToProto(s.ttls);
  *m.mutable_tcp_flags() = sketch::ToProto(s.tcp_flags);
  *m.mutable_source_ports() = sketch::ToProto(s.source_ports);
  *m.mutable_destination_ports() = sketch::ToProto(s.destination_ports);
  return m;
}

absl::StatusOr<TargetSketches> FromProto(const v1::TargetSketches& m) {
  TargetSketches out(m.distinct_sources().seed());
  // Into `member`, or the first error with the field's name.
  absl::Status all;
  const auto take = [&all](std::string_view field, auto decoded, auto& member) {
    if (!all.ok()) return;
    if (!decoded.ok()) {
      all = In(field, decoded.status());
    } else {
      member = *std::move(decoded);
    }
  };
  take("sources", PrefixesFromProto(m.sources(), TargetSketches::kSources, 32, 64), out.sources);
  take("networks", PrefixesFromProto(m.networks(), TargetSketches::kNetworks, 24, 48), out.networks);
  take("asns", NumbersFromProto(m.asns(), TargetSketches::kAsns), out.asns);
  take("distinct_sources", sketch::FromProto(m.distinct_sources()), out.distinct_sources);
  take("lengths", HistogramFromProto(m.lengths(), TargetSketches::kLengths), out.lengths);
  take("ttls", HistogramFromProto(m.ttls(), 256), out.ttls);
  take("tcp_flags", HistogramFromProto(m.tcp_flags(), 256), out.tcp_flags);
  take("source_ports", NumbersFromProto(m.source_ports(), TargetSketches::kPorts), out.source_ports);
  take("destination_ports", NumbersFromProto(m.destination_ports(), TargetSketches::kPorts), out.destination_ports);
  if (!all.ok()) return all;
  return out;
}

absl::StatusOr<v1::HeaderSample> ToProto(const HeaderSample& s, absl::Time start, absl::Time end) {
  v1::HeaderSample m;
  m.set_time_us(static_cast<int32_t>(absl::ToInt64Microseconds(s.time - start)));
  m.set_weight(s.weight);
  m.set_vector(static_cast<uint32_t>(s.vector));
  m.set_dropped(s.dropped);
  m.set_source(AddressBytes(s.source));
  m.set_destination(AddressBytes(s.destination));
  m.set_protocol(s.protocol);
  m.set_fragment(s.fragment);
  m.set_later_fragment(s.later_fragment);
  m.set_ip_length(s.ip_length);
  m.set_vlan(s.vlan);
  m.set_l4_offset(s.l4_offset);
  m.set_payload_offset(s.payload_offset);
  m.set_header(s.bytes.data(), std::min<size_t>(s.size, HeaderSample::kMaxBytes));
  // The same rules for both directions.
  if (absl::StatusOr<HeaderSample> back = FromProto(m, start, end); !back.ok()) return back.status();
  return m;
}

absl::StatusOr<HeaderSample> FromProto(const v1::HeaderSample& m, absl::Time start, absl::Time end) {
  HeaderSample s;
  s.time = start + absl::Microseconds(m.time_us());
  if (m.time_us() < 0 || s.time >= end) {
    return absl::InvalidArgumentError(
        absl::StrCat("time_us is ", m.time_us(), ", not within the window's ", absl::ToInt64Microseconds(end - start)));
  }
  if (m.weight() < 1) return absl::InvalidArgumentError("weight is 0, must be 1 or more");
  if (m.weight() > WireBounds::kSampleWeight) return OverLimit("weight", m.weight(), WireBounds::kSampleWeight);
  if (m.vector() >= BW_VECTOR_MAX) return OverLimit("vector", m.vector(), BW_VECTOR_MAX - 1);
  absl::StatusOr<net::IpAddress> source = ReadAddress("source", m.source());
  if (!source.ok()) return source.status();
  absl::StatusOr<net::IpAddress> destination = ReadAddress("destination", m.destination());
  if (!destination.ok()) return destination.status();
  if (m.protocol() > 255) return OverLimit("protocol", m.protocol(), 255);
  if (m.ip_length() > WireBounds::kIpLength) return OverLimit("ip_length", m.ip_length(), WireBounds::kIpLength);
  if (m.vlan() > 4095) return OverLimit("vlan", m.vlan(), 4095);
  if (m.header().size() > HeaderSample::kMaxBytes) {
    return OverLimit("header's length", m.header().size(), HeaderSample::kMaxBytes);
  }
  if (m.l4_offset() > m.header().size()) return OverLimit("l4_offset", m.l4_offset(), m.header().size());
  if (m.payload_offset() > m.header().size()) return OverLimit("payload_offset", m.payload_offset(), m.header().size());
  s.weight = m.weight();
  s.vector = static_cast<Vector>(m.vector());
  s.dropped = m.dropped();
  s.source = *source;
  s.destination = *destination;
  s.protocol = static_cast<uint8_t>(m.protocol());
  s.fragment = m.fragment();
  s.later_fragment = m.later_fragment();
  s.ip_length = m.ip_length();
  s.vlan = static_cast<uint16_t>(m.vlan());
  s.l4_offset = static_cast<uint16_t>(m.l4_offset());
  s.payload_offset = static_cast<uint16_t>(m.payload_offset());
  s.size = static_cast<uint16_t>(m.header().size());
  std::copy(m.header().begin(), m.header().end(), s.bytes.begin());
  return s;
}

absl::StatusOr<v1::GatewaySite> ToProto(const std::string& site, const GatewayCounts& counts) {
  v1::GatewaySite m;
  m.set_site(site);
#define BW_SET(name) m.set_##name(counts.name);
  BW_GATEWAY_COUNTS(BW_SET)
#undef BW_SET
  if (counts.latency.count() != 0) *m.mutable_latency() = sketch::ToProto(counts.latency);
  if (counts.origin_latency.count() != 0) *m.mutable_origin_latency() = sketch::ToProto(counts.origin_latency);
  if (absl::StatusOr<GatewayCounts> back = FromProto(m); !back.ok()) return back.status();
  return m;
}

absl::StatusOr<GatewayCounts> FromProto(const v1::GatewaySite& m) {
  if (absl::Status s = CheckSite(m.site()); !s.ok()) return s;
  GatewayCounts counts;
#define BW_GET(name)                                                                              \
  if (m.name() > sketch::kMaxWireCount) return OverLimit(#name, m.name(), sketch::kMaxWireCount); \
  counts.name = m.name();
  BW_GATEWAY_COUNTS(BW_GET)
#undef BW_GET
  if (m.has_latency()) {
    absl::StatusOr<sketch::LogHistogram> h = LatencyFromProto(m.latency());
    if (!h.ok()) return In("latency", h.status());
    counts.latency = *std::move(h);
  }
  if (m.has_origin_latency()) {
    absl::StatusOr<sketch::LogHistogram> h = LatencyFromProto(m.origin_latency());
    if (!h.ok()) return In("origin_latency", h.status());
    counts.origin_latency = *std::move(h);
  }
  return counts;
}

}  // namespace breakwater::window::internal
