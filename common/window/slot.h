// A slot: the traffic of 100 ms, summarised, the smallest unit the detector reads. Ten slots make a window.
//
//   Slot slot;
//   slot.start = absl::FromUnixMillis(1200);
//   slot.traffic[{Target::Host(victim), BW_VECTOR_TCP_SYN}].packets += 800;
//
// Bytes are IP total lengths. "packets" counts everything that arrived, "dropped_*" the part that was dropped, so
// packets - dropped_packets reached the service. Values; not thread-safe.
#ifndef BREAKWATER_COMMON_WINDOW_SLOT_H_
#define BREAKWATER_COMMON_WINDOW_SLOT_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/net/ip.h"
#include "common/window/vector.h"

namespace breakwater::window {

inline constexpr absl::Duration kSlotLength = absl::Milliseconds(100);
inline constexpr int kSlotsPerWindow = 10;

struct Counts {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t dropped_packets = 0;
  uint64_t dropped_bytes = 0;

  Counts& operator+=(const Counts& o) {
    packets += o.packets;
    bytes += o.bytes;
    dropped_packets += o.dropped_packets;
    dropped_bytes += o.dropped_bytes;
    return *this;
  }
  friend bool operator==(const Counts&, const Counts&) = default;
};

// What is attacked: an address (a prefix of full length), a prefix, or (with site set and no prefix) a site.
struct Target {
  net::IpPrefix prefix;
  std::string site;

  static Target Host(const net::IpAddress& address) { return {net::IpPrefix::Host(address), {}}; }
  static Target Prefix(const net::IpPrefix& prefix) { return {prefix, {}}; }
  bool is_host() const { return site.empty() && prefix.is_host(); }
  // "203.0.113.7", "203.0.113.0/24" or the site's name.
  std::string ToString() const { return site.empty() ? prefix.ToShortString() : site; }

  friend auto operator<=>(const Target&, const Target&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Target& t) {
    return H::combine(std::move(h), t.prefix, t.site);
  }
};

struct TargetVector {
  Target target;
  Vector vector = BW_VECTOR_IP_OTHER;

  friend auto operator<=>(const TargetVector&, const TargetVector&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TargetVector& t) {
    return H::combine(std::move(h), t.target, static_cast<int>(t.vector));
  }
};

// What a rule did. matched counts in every mode (observe and armed as well); dropped only what it really dropped.
struct RuleCounts {
  uint64_t matched_packets = 0;
  uint64_t matched_bytes = 0;
  uint64_t dropped_packets = 0;
  uint64_t dropped_bytes = 0;

  RuleCounts& operator+=(const RuleCounts& o) {
    matched_packets += o.matched_packets;
    matched_bytes += o.matched_bytes;
    dropped_packets += o.dropped_packets;
    dropped_bytes += o.dropped_bytes;
    return *this;
  }
  friend bool operator==(const RuleCounts&, const RuleCounts&) = default;
};

struct Slot {
  absl::Time start;
  // Longer than kSlotLength in windows that were merged because they couldn't be sent in time.
  absl::Duration length = kSlotLength;
  // Exact for every key that is present. A host target's traffic is also inside its prefix targets: keys of different
  // prefix lengths overlap and must not be added up.
  absl::flat_hash_map<TargetVector, Counts> traffic;
  // Exact: the traffic of hosts that had no place of their own.
  std::array<Counts, BW_VECTOR_MAX> other{};
  // Exact: what was counted for prefixes and sites that had no place of their own, one sum over such keys.
  std::array<Counts, BW_VECTOR_MAX> other_groups{};
  // By rule id; absent = nothing matched.
  absl::flat_hash_map<std::string, RuleCounts> rules;
};

// How many targets of each kind keep a place of their own, with all their vectors.
struct SlotLimits {
  size_t hosts = 128;
  size_t groups = 128;  // prefixes and sites
};

// Keeps the largest targets (a packet counts as much as 512 bytes; equal ones in the order of their targets) and adds
// the others exactly to `other` and `other_groups`: Totals() and GroupTotals() don't change.
Slot TopN(Slot slot, const SlotLimits& limits);

// Exact sums, for two views of the same time (two edges) or for neighbouring times: the result spans both. Associative
// and commutative; no count is lost.
Slot Merge(Slot a, const Slot& b);

// By vector: everything that was counted for hosts, and for prefixes and sites.
std::array<Counts, BW_VECTOR_MAX> Totals(const Slot& slot);
std::array<Counts, BW_VECTOR_MAX> GroupTotals(const Slot& slot);

// One sampled packet: its first bytes from the IP header on, and where the datapath's parser found the layers.
struct HeaderSample {
  static constexpr size_t kMaxBytes = 128;

  absl::Time time;
  // How many packets of its (target, vector) this sample stands for.
  uint32_t weight = 1;
  Vector vector = BW_VECTOR_IP_OTHER;
  bool dropped = false;
  net::IpAddress source;
  net::IpAddress destination;
  uint8_t protocol = 0;         // of the transport header, IPv6 extension headers skipped
  bool fragment = false;        // any fragment
  bool later_fragment = false;  // without a transport header
  uint32_t ip_length = 0;       // IP total length in bytes
  uint16_t vlan = 0;            // outer VLAN id, 0 = untagged
  // Offsets into bytes; equal to size when that layer isn't there or lies behind the sampled bytes.
  uint16_t l4_offset = 0;
  uint16_t payload_offset = 0;
  uint16_t size = 0;
  std::array<uint8_t, kMaxBytes> bytes{};

  std::span<const uint8_t> l3() const { return {bytes.data(), size}; }
  std::span<const uint8_t> l4() const { return l3().subspan(l4_offset < size ? l4_offset : size); }
  std::span<const uint8_t> payload() const { return l3().subspan(payload_offset < size ? payload_offset : size); }
};

}  // namespace breakwater::window

#endif  // BREAKWATER_COMMON_WINDOW_SLOT_H_
