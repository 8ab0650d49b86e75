#include "edge/replay/frame.h"

#include <algorithm>
#include <array>

#include "edge/replay/link_type.h"

namespace breakwater::replay {
namespace {

constexpr uint16_t kIpv4 = 0x0800;
constexpr uint16_t kIpv6 = 0x86dd;
constexpr uint16_t kVlan = 0x8100;
constexpr uint16_t kServiceVlan = 0x88a8;
constexpr int kMaxVlanTags = 2;
constexpr size_t kVlanTag = 4;
constexpr size_t kIpv4Header = 20;
constexpr uint32_t kIpv6Header = 40;
constexpr uint8_t kNoNextHeader = 59;

uint32_t Big16(std::span<const uint8_t> bytes, size_t at) { return uint32_t{bytes[at]} << 8 | bytes[at + 1]; }

// Captures made ahead of segmentation offload, and jumbograms, say 0: the packet is the rest of the frame.
uint32_t IpBytes(uint32_t length, std::span<const uint8_t> rest) {
  return length != 0 ? length : static_cast<uint32_t>(rest.size());
}

}  // namespace

FrameFacts ReadFrame(std::span<const uint8_t> frame) {
  if (frame.size() < kEthernetHeader) return {};
  uint32_t type = Big16(frame, kEthernetHeader - 2);
  std::span<const uint8_t> rest = frame.subspan(kEthernetHeader);
  for (int tags = 0; (type == kVlan || type == kServiceVlan) && tags < kMaxVlanTags; ++tags) {
    if (rest.size() < kVlanTag) return {};
    type = Big16(rest, 2);
    rest = rest.subspan(kVlanTag);
  }
  if (type == kIpv4 && rest.size() >= kIpv4Header && rest[0] >> 4 == 4) {
    return {true, IpBytes(Big16(rest, 2), rest), net::IpAddress::FromV4(Big16(rest, 16) << 16 | Big16(rest, 18))};
  }
  if (type == kIpv6 && rest.size() >= kIpv6Header && rest[0] >> 4 == 6) {
    std::array<uint8_t, 16> destination;
    std::copy_n(rest.begin() + 24, destination.size(), destination.begin());
    const uint32_t payload = Big16(rest, 4);
    const uint32_t length = payload != 0 || rest[6] == kNoNextHeader ? kIpv6Header + payload : 0;
    return {true, IpBytes(length, rest), net::IpAddress::FromBytes(destination)};
  }
  return {};
}

}  // namespace breakwater::replay
