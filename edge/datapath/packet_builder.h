// Makes frames, for tests, benchmarks and golden checks. Every function returns whole Ethernet frames; checksums are left
// zero, because the packet filter doesn't look at them.
//
//   Bytes frame = Frame({.source = a, .destination = b, .protocol = 17}, Udp(53, 4444, {}));
//
// Pure functions, thread-safe.
#ifndef BREAKWATER_EDGE_DATAPATH_PACKET_BUILDER_H_
#define BREAKWATER_EDGE_DATAPATH_PACKET_BUILDER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "common/net/ip.h"

namespace breakwater::datapath {

using Bytes = std::vector<uint8_t>;

struct IpHeader {
  net::IpAddress source;
  net::IpAddress destination;  // of the same family as source
  uint8_t protocol = 0;        // of what follows: the first extension header in IPv6, if there is one
  uint8_t ttl = 64;
  uint8_t dscp = 0;
  uint16_t id = 0;                       // IPv4
  uint16_t fragment = 0;                 // IPv4: flags and offset as sent
  Bytes options;                         // IPv4; a multiple of 4 bytes, at most 40
  std::optional<uint16_t> total_length;  // as sent in the header (IPv6: payload length), when it isn't the true one
  std::vector<uint16_t> vlans;           // outermost first; the first of two is 802.1ad
};

struct TcpHeader {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  Bytes options;                        // a multiple of 4 bytes, at most 40
  std::optional<uint8_t> header_words;  // as sent, when it isn't the true one
};

Bytes Frame(const IpHeader& ip, const Bytes& payload);
Bytes Tcp(const TcpHeader& tcp, const Bytes& payload);
Bytes Udp(uint16_t source_port, uint16_t destination_port, const Bytes& payload);
Bytes Icmp(uint8_t type, uint8_t code, const Bytes& payload);
// An IPv6 extension header other than fragment and authentication: size in bytes, a multiple of 8.
Bytes Extension(uint8_t next, size_t size, const Bytes& payload);
// offset in units of 8 bytes.
Bytes V6Fragment(uint8_t next, uint16_t offset, bool more, const Bytes& payload);

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_PACKET_BUILDER_H_
