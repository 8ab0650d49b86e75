#include "common/net/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace breakwater::net {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::array<uint8_t, 16> Masked(std::array<uint8_t, 16> bytes, int bits) {
  for (int i = 0; i < 16; ++i) {
    const int keep = std::clamp(bits - i * 8, 0, 8);
    bytes[i] &= static_cast<uint8_t>(0xff00u >> keep);
  }
  return bytes;
}

}  // namespace

IpAddress IpAddress::FromV4(uint32_t host_order) {
  IpAddress a;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), a.bytes_.begin());
  for (int i = 0; i < 4; ++i) a.bytes_[12 + i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
  return a;
}

IpAddress IpAddress::FromBytes(const std::array<uint8_t, 16>& bytes) {
  IpAddress a;
  a.bytes_ = bytes;
  return a;
}

absl::StatusOr<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string z(text);
  // inet_pton reads up to the first zero byte.
  const bool whole = text.find('\0') == std::string_view::npos;
  in_addr v4{};
  if (whole && inet_pton(AF_INET, z.c_str(), &v4) == 1) return FromV4(ntohl(v4.s_addr));
  in6_addr v6{};
  if (whole && inet_pton(AF_INET6, z.c_str(), &v6) == 1) {
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6, 16);
    return FromBytes(bytes);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", z, "\" is not an IP address: expected 192.0.2.1 or 2001:db8::1"));
}

bool IpAddress::is_v4() const { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin()); }

uint32_t IpAddress::v4() const {
  return uint32_t{bytes_[12]} << 24 | uint32_t{bytes_[13]} << 16 | uint32_t{bytes_[14]} << 8 | bytes_[15];
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_v4()) {
    inet_ntop(AF_INET, bytes_.data() + 12, text, sizeof(text));
  } else {
    inet_ntop(AF_INET6, bytes_.data(), text, sizeof(text));
  }
  return text;
}

IpPrefix::IpPrefix(const IpAddress& address, int length) {
  const bool v4 = address.is_v4();
  length_ = std::clamp(length, 0, v4 ? 32 : 128);
  address_ = IpAddress::FromBytes(Masked(address.bytes(), v4 ? length_ + 96 : length_));
}

IpPrefix IpPrefix::Host(const IpAddress& address) { return IpPrefix(address, 128); }

absl::StatusOr<IpPrefix> IpPrefix::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  absl::StatusOr<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
  if (!address.ok()) return address.status();
  if (slash == std::string_view::npos) return Host(*address);
  const std::string_view digits = text.substr(slash + 1);
  const int limit = address->is_v4() ? 32 : 128;
  int length = -1;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || ec != std::errc() || end != digits.data() + digits.size() || length < 0 || length > limit) {
    return absl::InvalidArgumentError(absl::StrCat("\"", std::string(text), "\": the prefix length \"",
                                                   std::string(digits), "\" is not a number from 0 to ", limit));
  }
  IpPrefix prefix(*address, length);
  if (prefix.address() != *address) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", std::string(text), "\" has bits set behind its prefix length; did you mean ", prefix.ToString(), "?"));
  }
  return prefix;
}

bool IpPrefix::Contains(const IpAddress& address) const {
  // ::/0 is the whole of IPv6 and 0.0.0.0/0 the whole of IPv4: a family never contains the other.
  if (is_v4() != address.is_v4()) return false;
  return Masked(address.bytes(), mapped_length()) == address_.bytes();
}

bool IpPrefix::Contains(const IpPrefix& other) const {
  return is_v4() == other.is_v4() && length_ <= other.length_ && Contains(other.address_);
}

std::string IpPrefix::ToString() const { return absl::StrCat(address_.ToString(), "/", length_); }

std::string IpPrefix::ToShortString() const { return is_host() ? address_.ToString() : ToString(); }

}  // namespace breakwater::net
