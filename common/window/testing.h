// Windows for tests: random ones, and what a real edge would send.
//
//   std::mt19937_64 random(seed);
//   Window w = testing::RandomWindow(random, {.hosts = 20});
#ifndef BREAKWATER_COMMON_WINDOW_TESTING_H_
#define BREAKWATER_COMMON_WINDOW_TESTING_H_

#include <cstdint>
#include <random>
#include <string>

#include "common/window/window.h"

namespace breakwater::window::testing {

inline const absl::Time kStart = absl::FromUnixSeconds(1700000000);
inline constexpr uint64_t kSeed = 77;

inline Target HostTarget(uint32_t i) { return Target::Host(net::IpAddress::FromV4(0xcb007100 + i)); }

inline Counts RandomCounts(std::mt19937_64& random) {
  Counts c;
  c.packets = 1 + random() % 5000;
  c.bytes = c.packets * (40 + random() % 1400);
  c.dropped_packets = random() % 3 == 0 ? random() % (c.packets + 1) : 0;
  c.dropped_bytes = c.dropped_packets == 0 ? 0 : random() % (c.bytes + 1);
  return c;
}

inline Slot RandomSlot(std::mt19937_64& random, uint32_t hosts) {
  static constexpr Vector kVectors[] = {BW_VECTOR_TCP_SYN, BW_VECTOR_TCP_ACK, BW_VECTOR_UDP_DNS, BW_VECTOR_FRAGMENT};
  Slot slot;
  const uint64_t keys = random() % (hosts * 2 + 1);
  for (uint64_t i = 0; i < keys; ++i) {
    const auto host = static_cast<uint32_t>(random() % hosts);
    slot.traffic[{HostTarget(host), kVectors[random() % 4]}] += RandomCounts(random);
  }
  slot.traffic[{Target::Prefix(net::IpPrefix(net::IpAddress::FromV4(0xcb007100), 24)), kVectors[random() % 4]}] +=
      RandomCounts(random);
  slot.traffic[{Target{{}, "site" + std::to_string(random() % 3)}, static_cast<Vector>(64)}] += RandomCounts(random);
  slot.other[BW_VECTOR_TCP_ACK] += RandomCounts(random);
  slot.other_groups[BW_VECTOR_UDP_DNS] += RandomCounts(random);
  const uint64_t matched = random() % 900;
  slot.rules["rule" + std::to_string(random() % 4)] += {matched, matched * 60, matched / 2, matched * 30};
  return slot;
}

// A UDP packet from a random source.
inline HeaderSample RandomSample(std::mt19937_64& random, absl::Time time, const net::IpAddress& destination) {
  HeaderSample s;
  s.time = time;
  s.weight = 1 + static_cast<uint32_t>(random() % 64);
  s.vector = BW_VECTOR_UDP_DNS;
  s.destination = destination;
  s.protocol = 17;
  s.ip_length = 28 + static_cast<uint32_t>(random() % 1400);
  s.size = HeaderSample::kMaxBytes;
  const uint64_t a = random();
  const uint64_t b = random();
  if (destination.is_v4()) {
    s.source = net::IpAddress::FromV4(static_cast<uint32_t>(a));
    s.bytes[0] = 0x45;
    s.bytes[8] = static_cast<uint8_t>(b);
    s.bytes[9] = 17;
    s.l4_offset = 20;
  } else {
    std::array<uint8_t, 16> source;
    for (size_t i = 0; i < 8; ++i) source[i] = static_cast<uint8_t>(a >> (8 * i));
    for (size_t i = 0; i < 8; ++i) source[8 + i] = static_cast<uint8_t>(b >> (8 * i));
    source[0] = 0x20;
    s.source = net::IpAddress::FromBytes(source);
    s.bytes[0] = 0x60;
    s.bytes[6] = 17;
    s.bytes[7] = static_cast<uint8_t>(b);
    s.l4_offset = 40;
  }
  s.payload_offset = static_cast<uint16_t>(s.l4_offset + 8);
  for (size_t i = s.l4_offset; i < s.size; ++i) s.bytes[i] = static_cast<uint8_t>(random());
  return s;
}

struct RandomWindowOptions {
  uint32_t hosts = 20;
  int samples = 5;
  uint64_t boot_id = 1;
};

inline Window RandomWindow(std::mt19937_64& random, const RandomWindowOptions& options = {}) {
  Window w;
  w.id = {options.boot_id, 10, 10};
  w.start = kStart;
  w.clock_offset = absl::Microseconds(static_cast<int64_t>(random() % 2001) - 1000);
  w.lost_samples = random() % 100;
  for (int i = 0; i < kSlotsPerWindow; ++i) {
    w.slots.push_back(RandomSlot(random, options.hosts));
    w.slots.back().start = kStart + kSlotLength * i;
  }
  for (int i = 0; i < options.samples; ++i) {
    const auto host = static_cast<uint32_t>(random() % options.hosts);
    HeaderSample s = RandomSample(random, kStart + absl::Microseconds(static_cast<int64_t>(random() % 1000000)),
                                  HostTarget(host).prefix.address());
    w.sketches.try_emplace({HostTarget(host), s.vector}, kSeed).first->second.Add(s);
    w.samples.push_back(s);
  }
  LimitSamples(w.samples, w.samples.size(), kSeed);
  GatewayCounts& g = w.gateway["www.example.com"];
  g.requests = random() % 10000;
  g.success = g.requests / 2;
  g.latency.Add(static_cast<double>(random() % 100000), 3);
  return w;
}

inline bool SameSamples(const std::vector<HeaderSample>& a, const std::vector<HeaderSample>& b) {
  const auto same = [](const HeaderSample& x, const HeaderSample& y) {
    return x.time == y.time && x.weight == y.weight && x.vector == y.vector && x.dropped == y.dropped &&
           x.source == y.source && x.destination == y.destination && x.protocol == y.protocol &&
           x.fragment == y.fragment && x.later_fragment == y.later_fragment && x.ip_length == y.ip_length &&
           x.vlan == y.vlan && x.l4_offset == y.l4_offset && x.payload_offset == y.payload_offset && x.size == y.size &&
           x.bytes == y.bytes;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

inline bool SameCounters(const Slot& a, const Slot& b) {
  return a.start == b.start && a.length == b.length && a.traffic == b.traffic && a.other == b.other &&
         a.other_groups == b.other_groups && a.rules == b.rules;
}

inline bool SameCounters(const Window& a, const Window& b) {
  return a.start == b.start && a.gateway == b.gateway && a.merged == b.merged && a.id == b.id &&
         a.clock_offset == b.clock_offset &&
         std::equal(a.slots.begin(), a.slots.end(), b.slots.begin(), b.slots.end(),
                    [](const Slot& x, const Slot& y) { return SameCounters(x, y); });
}

}  // namespace breakwater::window::testing

#endif  // BREAKWATER_COMMON_WINDOW_TESTING_H_
