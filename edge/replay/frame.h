// The little that the bookkeeping needs to know of a frame, however damaged: its IP length and where it goes. The
// packet filter alone judges it.
//
//   FrameFacts facts = ReadFrame(packet.frame);
//   if (facts.ip) totals.bytes += facts.ip_bytes;
#ifndef BREAKWATER_EDGE_REPLAY_FRAME_H_
#define BREAKWATER_EDGE_REPLAY_FRAME_H_

#include <cstdint>
#include <span>

#include "common/net/ip.h"

namespace breakwater::replay {

struct FrameFacts {
  bool ip = false;        // IPv4 or IPv6 behind at most two VLAN tags, with a whole fixed header
  uint32_t ip_bytes = 0;  // IP total length, as the packet filter counts it; 0 without ip
  net::IpAddress destination;
};

FrameFacts ReadFrame(std::span<const uint8_t> frame);

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_FRAME_H_
