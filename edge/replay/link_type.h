// Every link type a capture may have, made into what the packet filter reads: Ethernet frames.
//
//   auto network = FindNetwork(DLT_LINUX_SLL, bytes);    // nullopt: the link header is cut short
//   std::vector<uint8_t> frame = SyntheticHeader(network->ethertype) + bytes from network->offset on
//
// Pure functions; link types are libpcap's DLT_* numbers.
#ifndef BREAKWATER_EDGE_REPLAY_LINK_TYPE_H_
#define BREAKWATER_EDGE_REPLAY_LINK_TYPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace breakwater::replay {

inline constexpr size_t kEthernetHeader = 14;

enum class LinkSupport {
  kEthernet,   // frames are used as they are
  kConverted,  // the link header is replaced by a synthetic Ethernet header
  kUnknown,    // packets can't be read
};
LinkSupport SupportFor(int link_type);

// Where the network layer starts and what it is. ethertype 0: something that isn't IP.
struct Network {
  uint16_t ethertype = 0;
  size_t offset = 0;
};
// For kConverted link types; nullopt when the link header is cut short.
std::optional<Network> FindNetwork(int link_type, std::span<const uint8_t> bytes);

// Locally administered addresses, and the type.
std::array<uint8_t, kEthernetHeader> SyntheticHeader(uint16_t ethertype);

// "IEEE802_11_RADIO (127)".
std::string LinkTypeName(int link_type);

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_LINK_TYPE_H_
