// Who and what makes up the traffic of an unusual (target, vector): sources, their networks, lengths, TTLs, flags,
// ports.
//
//   TargetSketches s(fleet_seed);
//   s.Add(sample);
//   s.sources.Top(10);
//
// Fed from weighted samples, so every number is an estimate of the traffic. A source is an IPv4 address or an IPv6 /64:
// a host chooses freely among the addresses of its /64, so counting those would show one sender as millions. Networks
// are /24s and /48s. At most about 20 KB on the wire. Not thread-safe.
#ifndef BREAKWATER_COMMON_WINDOW_TARGET_SKETCHES_H_
#define BREAKWATER_COMMON_WINDOW_TARGET_SKETCHES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/net/ip.h"
#include "common/sketch/exact_histogram.h"
#include "common/sketch/hyperloglog.h"
#include "common/sketch/misra_gries.h"
#include "common/window/slot.h"

namespace breakwater::window {

struct TargetSketches {
  static constexpr uint32_t kSources = 1024;
  static constexpr uint32_t kNetworks = 256;
  static constexpr uint32_t kAsns = 256;
  static constexpr uint32_t kPorts = 64;
  static constexpr uint32_t kLengthStep = 16;  // bytes
  static constexpr uint32_t kLengths = 97;     // the last one: 1536 bytes and more

  explicit TargetSketches(uint64_t seed) : distinct_sources(seed) {}

  // asn: 0 = not known.
  void Add(const HeaderSample& sample, uint32_t asn = 0);
  // An error when the seeds differ; then nothing has changed.
  absl::Status Merge(const TargetSketches& other);

  sketch::MisraGries<net::IpPrefix> sources{kSources};
  sketch::MisraGries<net::IpPrefix> networks{kNetworks};
  sketch::MisraGries<uint32_t> asns{kAsns};
  sketch::HyperLogLog distinct_sources;
  sketch::ExactHistogram lengths{kLengths};
  sketch::ExactHistogram ttls{256};
  sketch::ExactHistogram tcp_flags{256};
  sketch::MisraGries<uint32_t> source_ports{kPorts};
  sketch::MisraGries<uint32_t> destination_ports{kPorts};

  friend bool operator==(const TargetSketches&, const TargetSketches&) = default;
};

}  // namespace breakwater::window

#endif  // BREAKWATER_COMMON_WINDOW_TARGET_SKETCHES_H_
