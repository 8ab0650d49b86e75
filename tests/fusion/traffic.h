// Honest visitors and floods, packet by packet.
//
//   detect::Random random(seed);
//   std::vector<Timed> packets = Visitors(random, victim, absl::Seconds(60), load);
//   Append(packets, Flood(random, SynFlood(victim), start, length, pps));
//   SortByTime(packets);
//
// Deterministic from the seed.
#ifndef BREAKWATER_TESTS_FUSION_TRAFFIC_H_
#define BREAKWATER_TESTS_FUSION_TRAFFIC_H_

#include <functional>
#include <vector>

#include "common/detect/packets.h"
#include "common/window/slot.h"
#include "tests/fusion/fleet.h"

namespace breakwater::fusion {

inline const absl::Time kStart = absl::FromUnixSeconds(1700000000);

struct Timed {
  window::HeaderSample sample;
  size_t edge = 0;
  Fleet::Label label = Fleet::kClean;
};

using MakePacket = std::function<window::HeaderSample(detect::Random&)>;

// Floods, as booters and tools send them; sources are spoofed at random, or reflectors that differ in all but what they
// answer.
MakePacket SynFlood(const net::IpAddress& victim);
MakePacket AckFlood(const net::IpAddress& victim);
MakePacket DnsAmplification(const net::IpAddress& victim);
MakePacket NtpAmplification(const net::IpAddress& victim);
MakePacket UdpFlood(const net::IpAddress& victim);
MakePacket IcmpFlood(const net::IpAddress& victim);
// Every packet to another host of the prefix.
MakePacket Carpet(const net::IpPrefix& prefix, std::function<MakePacket(const net::IpAddress&)> flood);

// At a steady rate with some jitter, each packet to an edge by chance.
std::vector<Timed> Flood(detect::Random& random, const MakePacket& make, absl::Duration from, absl::Duration to,
                         double pps, size_t edges);

// Connections and their data, QUIC, DNS answers, pings, stray resets, at so many new connections per second and edge.
std::vector<Timed> Visitors(detect::Random& random, const net::IpAddress& site, absl::Duration from, absl::Duration to,
                            double connections, size_t edges);

void SortByTime(std::vector<Timed>& packets);

}  // namespace breakwater::fusion

#endif  // BREAKWATER_TESTS_FUSION_TRAFFIC_H_
