#include "edge/replay/link_type.h"

#include <pcap/pcap.h>

#include "absl/strings/str_cat.h"

namespace breakwater::replay {
namespace {

constexpr uint16_t kNotIp = 0;
constexpr uint16_t kIpv4 = 0x0800;
constexpr uint16_t kIpv6 = 0x86dd;

uint16_t Big16(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

// Raw IP has no type: the version decides, and what has none of the two is left to the IPv4 parser to refuse.
uint16_t ByVersion(std::span<const uint8_t> bytes) { return !bytes.empty() && bytes[0] >> 4 == 6 ? kIpv6 : kIpv4; }

// Address families differ between systems: AF_INET6 is 10 on Linux, 24 on NetBSD, 28 on FreeBSD, 30 on macOS.
uint16_t ByAddressFamily(uint32_t family) {
  switch (family) {
    case 2:
      return kIpv4;
    case 10:
    case 24:
    case 28:
    case 30:
      return kIpv6;
    default:
      return kNotIp;
  }
}

uint16_t ByPppProtocol(uint16_t protocol) {
  switch (protocol) {
    case 0x0021:
      return kIpv4;
    case 0x0057:
      return kIpv6;
    default:
      return kNotIp;
  }
}

// RFC 1661: an odd first byte is a protocol compressed to one byte.
std::optional<Network> PppProtocol(std::span<const uint8_t> bytes, size_t at) {
  if (bytes.size() <= at) return std::nullopt;
  if (bytes[at] & 1) return Network{ByPppProtocol(bytes[at]), at + 1};
  if (bytes.size() < at + 2) return std::nullopt;
  return Network{ByPppProtocol(Big16(bytes, at)), at + 2};
}

// DLT_NULL is in the byte order of the machine that captured: families are small, so the order shows.
std::optional<Network> NullHeader(std::span<const uint8_t> bytes) {
  if (bytes.size() < 4) return std::nullopt;
  uint32_t big = uint32_t{Big16(bytes, 0)} << 16 | Big16(bytes, 2);
  return Network{ByAddressFamily(big > 0xffff ? __builtin_bswap32(big) : big), 4};
}

std::optional<Network> EthertypeAt(std::span<const uint8_t> bytes, size_t at, size_t header) {
  if (bytes.size() < header) return std::nullopt;
  return Network{Big16(bytes, at), header};
}

}  // namespace

LinkSupport SupportFor(int link_type) {
  switch (link_type) {
    case DLT_EN10MB:
      return LinkSupport::kEthernet;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_NULL:
    case DLT_LOOP:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_PPP:
    case DLT_PPP_SERIAL:
    case DLT_PPP_ETHER:
    case DLT_C_HDLC:
      return LinkSupport::kConverted;
    default:
      return LinkSupport::kUnknown;
  }
}

std::optional<Network> FindNetwork(int link_type, std::span<const uint8_t> bytes) {
  switch (link_type) {
    case DLT_RAW:
      return Network{ByVersion(bytes), 0};
    case DLT_IPV4:
      return Network{kIpv4, 0};
    case DLT_IPV6:
      return Network{kIpv6, 0};
    case DLT_NULL:
    case DLT_LOOP:
      return NullHeader(bytes);
    case DLT_LINUX_SLL:
      return EthertypeAt(bytes, 14, 16);
    case DLT_LINUX_SLL2:
      return EthertypeAt(bytes, 0, 20);
    case DLT_PPP:
    case DLT_PPP_SERIAL:
      // Address and control (ff 03) may be left out. Cisco HDLC framing shares DLT_PPP_SERIAL (RFC 1547: 0f or 8f).
      if (bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0x03) return PppProtocol(bytes, 2);
      if (link_type == DLT_PPP_SERIAL && bytes.size() >= 2 && (bytes[0] == 0x0f || bytes[0] == 0x8f)) {
        return EthertypeAt(bytes, 2, 4);
      }
      return PppProtocol(bytes, 0);
    case DLT_PPP_ETHER:
      return PppProtocol(bytes, 6);
    case DLT_C_HDLC:
      return EthertypeAt(bytes, 2, 4);
    default:
      return std::nullopt;
  }
}

std::array<uint8_t, kEthernetHeader> SyntheticHeader(uint16_t ethertype) {
  return {0x02,
          0,
          0,
          0,
          0,
          0x01,
          0x02,
          0,
          0,
          0,
          0,
          0x02,
          static_cast<uint8_t>(ethertype >> 8),
          static_cast<uint8_t>(ethertype)};
}

std::string LinkTypeName(int link_type) {
  const char* name = pcap_datalink_val_to_name(link_type);
  return name != nullptr ? absl::StrCat(name, " (", link_type, ")") : std::to_string(link_type);
}

}  // namespace breakwater::replay
