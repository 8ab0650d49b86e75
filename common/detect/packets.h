// Builds header samples byte by byte: for the archetypes, and for the synthetic floods of the tests.
//
//   HeaderSample s = PacketBuilder(/*v4=*/true, source, destination).Ttl(57).Id(rng()).Tcp({...}).Build();
//
// Not thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_PACKETS_H_
#define BREAKWATER_COMMON_DETECT_PACKETS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/net/ip.h"
#include "common/window/slot.h"

namespace breakwater::detect {

// Deterministic and fast (splitmix64); not for secrets.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // lo..hi, both included.
  uint32_t Between(uint32_t lo, uint32_t hi) { return lo + static_cast<uint32_t>(Next() % (uint64_t{hi} - lo + 1)); }
  bool Chance(double p) { return static_cast<double>(Next() >> 11) * 0x1.0p-53 < p; }
  template <typename T>
  T Pick(std::initializer_list<T> of) {
    return *(of.begin() + Between(0, static_cast<uint32_t>(of.size()) - 1));
  }

 private:
  uint64_t state_;
};

struct TcpHeader {
  uint16_t sport = 0;
  uint16_t dport = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  std::vector<uint8_t> options;  // a multiple of 4 bytes
};

class PacketBuilder {
 public:
  PacketBuilder(const net::IpAddress& source, const net::IpAddress& destination);

  PacketBuilder& Ttl(uint32_t ttl);
  PacketBuilder& Dscp(uint32_t dscp);
  PacketBuilder& Id(uint32_t id);            // IPv4 only
  PacketBuilder& DontFragment(bool df);      // IPv4 only
  PacketBuilder& FlowLabel(uint32_t label);  // IPv6 only

  window::HeaderSample Tcp(const TcpHeader& tcp, std::span<const uint8_t> payload, uint32_t more_payload = 0) const;
  // length 0: as long as the payload given.
  window::HeaderSample Udp(uint16_t sport, uint16_t dport, std::span<const uint8_t> payload,
                           uint32_t more_payload = 0) const;
  window::HeaderSample Icmp(uint8_t type, uint8_t code, uint32_t rest, std::span<const uint8_t> payload,
                            uint32_t more_payload = 0) const;
  window::HeaderSample Other(uint8_t protocol, std::span<const uint8_t> bytes, uint32_t more = 0) const;
  // A later fragment: offset in units of 8 bytes.
  window::HeaderSample LaterFragment(uint8_t protocol, uint16_t offset, bool last, std::span<const uint8_t> bytes,
                                     uint32_t more = 0) const;

 private:
  window::HeaderSample Finish(uint8_t protocol, std::span<const uint8_t> l4, size_t l4_header, uint32_t more) const;

  net::IpAddress source_;
  net::IpAddress destination_;
  uint32_t ttl_ = 60;
  uint32_t dscp_ = 0;
  uint32_t id_ = 0;
  bool df_ = false;
  uint32_t flow_ = 0;
  uint16_t fragment_ = 0;  // offset and more-fragments bit, as in the IPv4 header
};

// Classifies as the packet filter does: from protocol, flags, ports and types.
window::Vector VectorOf(const window::HeaderSample& sample);

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_PACKETS_H_
