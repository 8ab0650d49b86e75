#include "common/window/sample_reader.h"

#include <algorithm>

namespace breakwater::window {
namespace {

using rule::FieldId;

constexpr uint8_t kIcmp = 1;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kIcmp6 = 58;

// Bits of ip.fragment, as in RFC 8955 section 4.2.2.12.
constexpr uint64_t kDontFragment = 1;
constexpr uint64_t kIsFragment = 2;
constexpr uint64_t kFirstFragment = 4;
constexpr uint64_t kLastFragment = 8;

// As many as the packet filter walks.
constexpr int kMaxExtensionHeaders = 6;

// Big-endian; absent when any of the bytes is.
std::optional<uint64_t> ReadBytes(std::span<const uint8_t> bytes, size_t offset, size_t length) {
  if (length == 0 || length > rule::kMaxByteLength || offset > bytes.size() || length > bytes.size() - offset) {
    return std::nullopt;
  }
  uint64_t value = 0;
  for (uint8_t b : bytes.subspan(offset, length)) value = value << 8 | b;
  return value;
}

// Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6.
bool IsExtension(uint64_t protocol) {
  return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60 || protocol == 135 ||
         protocol == 139 || protocol == 140;
}

// Of the word in an IPv4 header.
uint64_t FragmentBits(uint64_t word) {
  const bool more = (word & 0x2000) != 0;
  uint64_t bits = (word & 0x4000) != 0 ? kDontFragment : 0;
  if ((word & 0x1fff) != 0) bits |= more ? kIsFragment : kIsFragment | kLastFragment;
  if ((word & 0x1fff) == 0 && more) bits |= kFirstFragment;
  return bits;
}

}  // namespace

std::span<const uint8_t> SampleReader::L3() const {
  std::span<const uint8_t> all = sample_.l3();
  return sample_.ip_length == 0 ? all : all.first(std::min<size_t>(all.size(), sample_.ip_length));
}

std::span<const uint8_t> SampleReader::From(uint16_t offset) const {
  std::span<const uint8_t> l3 = L3();
  return l3.subspan(std::min<size_t>(offset, l3.size()));
}

std::span<const uint8_t> SampleReader::L4() const {
  return sample_.later_fragment ? std::span<const uint8_t>() : From(sample_.l4_offset);
}

std::span<const uint8_t> SampleReader::Payload() const {
  return sample_.later_fragment ? std::span<const uint8_t>() : From(sample_.payload_offset);
}

std::span<const uint8_t> SampleReader::L4Of(uint8_t protocol) const {
  return sample_.protocol == protocol ? L4() : std::span<const uint8_t>();
}

std::optional<uint64_t> SampleReader::Fragment() const {
  std::span<const uint8_t> l3 = L3();
  if (l3.empty()) return std::nullopt;
  if (l3[0] >> 4 == 4) {
    std::optional<uint64_t> word = ReadBytes(l3, 6, 2);
    return word ? std::optional<uint64_t>(FragmentBits(*word)) : std::nullopt;
  }
  std::optional<uint64_t> next = ReadBytes(l3, 6, 1);
  uint64_t bits = 0;
  size_t offset = 40;
  for (int i = 0; next && IsExtension(*next) && (bits & kIsFragment) == 0; ++i) {
    std::optional<uint64_t> header = ReadBytes(l3, offset, 4);
    if (!header || i == kMaxExtensionHeaders) return std::nullopt;
    const uint64_t length = *header >> 16 & 0xff;
    if (*next == 44) {
      bits |= *header & 0xfff8 ? kIsFragment : kFirstFragment;
      if ((*header & 1) == 0) bits |= kLastFragment;
      offset += 8;
    } else {
      // The authentication header counts in units of 4 bytes, minus 2.
      offset += *next == 51 ? (length + 2) * 4 : (length + 1) * 8;
    }
    next = *header >> 24;
  }
  return next ? std::optional<uint64_t>(bits) : std::nullopt;
}

std::optional<uint64_t> SampleReader::Number(FieldId field) const {
  std::span<const uint8_t> l3 = L3();
  const bool v4 = !l3.empty() && l3[0] >> 4 == 4;
  const bool v6 = !l3.empty() && l3[0] >> 4 == 6;
  switch (field) {
    case FieldId::kIpVersion:
      return l3.empty() ? std::nullopt : std::optional<uint64_t>(l3[0] >> 4);
    case FieldId::kIpProto:
      return sample_.protocol;
    case FieldId::kIpLen:
      return sample_.ip_length;
    case FieldId::kIpTtl:
      return v4 ? ReadBytes(l3, 8, 1) : v6 ? ReadBytes(l3, 7, 1) : std::nullopt;
    case FieldId::kIpDscp: {
      std::optional<uint64_t> word = ReadBytes(l3, 0, 2);
      if (!word || (!v4 && !v6)) return std::nullopt;
      return v4 ? (*word & 0xff) >> 2 : (*word >> 6 & 0x3f);
    }
    case FieldId::kIpId:
      return v4 ? ReadBytes(l3, 4, 2) : std::nullopt;
    case FieldId::kIpFragment:
      return v4 || v6 ? Fragment() : std::nullopt;
    case FieldId::kSrcPort:
      return sample_.protocol == kTcp || sample_.protocol == kUdp ? ReadBytes(L4(), 0, 2) : std::nullopt;
    case FieldId::kDstPort:
      return sample_.protocol == kTcp || sample_.protocol == kUdp ? ReadBytes(L4(), 2, 2) : std::nullopt;
    case FieldId::kTcpSrcPort:
      return ReadBytes(L4Of(kTcp), 0, 2);
    case FieldId::kTcpDstPort:
      return ReadBytes(L4Of(kTcp), 2, 2);
    case FieldId::kTcpSeq:
      return ReadBytes(L4Of(kTcp), 4, 4);
    case FieldId::kTcpAck:
      return ReadBytes(L4Of(kTcp), 8, 4);
    case FieldId::kTcpHdrLen: {
      std::optional<uint64_t> byte = ReadBytes(L4Of(kTcp), 12, 1);
      return byte ? std::optional<uint64_t>((*byte >> 4) * 4) : std::nullopt;
    }
    case FieldId::kTcpFlags:
      return ReadBytes(L4Of(kTcp), 13, 1);
    case FieldId::kTcpWindow:
      return ReadBytes(L4Of(kTcp), 14, 2);
    case FieldId::kUdpSrcPort:
      return ReadBytes(L4Of(kUdp), 0, 2);
    case FieldId::kUdpDstPort:
      return ReadBytes(L4Of(kUdp), 2, 2);
    case FieldId::kUdpLen:
      return ReadBytes(L4Of(kUdp), 4, 2);
    case FieldId::kIcmpType:
      return v4 ? ReadBytes(L4Of(kIcmp), 0, 1) : std::nullopt;
    case FieldId::kIcmpCode:
      return v4 ? ReadBytes(L4Of(kIcmp), 1, 1) : std::nullopt;
    case FieldId::kIcmp6Type:
      return v6 ? ReadBytes(L4Of(kIcmp6), 0, 1) : std::nullopt;
    case FieldId::kIcmp6Code:
      return v6 ? ReadBytes(L4Of(kIcmp6), 1, 1) : std::nullopt;
    case FieldId::kVlanId:
      return sample_.vlan != 0 ? std::optional<uint64_t>(sample_.vlan) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<net::IpAddress> SampleReader::Address(FieldId field) const {
  if (field == FieldId::kIpSrc) return sample_.source;
  if (field == FieldId::kIpDst) return sample_.destination;
  return std::nullopt;
}

std::optional<uint64_t> SampleReader::Bytes(FieldId field, uint32_t offset, uint32_t length) const {
  switch (field) {
    case FieldId::kL3Bytes:
      return ReadBytes(L3(), offset, length);
    case FieldId::kL4Bytes:
      return ReadBytes(L4(), offset, length);
    case FieldId::kPayloadBytes:
      return ReadBytes(Payload(), offset, length);
    default:
      return std::nullopt;
  }
}

std::optional<std::string_view> SampleReader::String(FieldId /*field*/, std::string_view /*key*/) const {
  return std::nullopt;
}

}  // namespace breakwater::window
