// IP addresses and prefixes as values, for every layer above the packet filter.
//
//   auto prefix = net::IpPrefix::Parse("203.0.113.0/24");        // StatusOr
//   auto host = net::IpAddress::Parse("203.0.113.7");
//   prefix->Contains(*host);                                      // true
//   prefix->ToString();                                           // "203.0.113.0/24"
//
// An IPv4 address is held as its IPv4-mapped IPv6 address (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so that one key
// type serves both families. A prefix keeps the length of its own family (0..32 or 0..128). All functions are pure and
// thread-safe.
#ifndef BREAKWATER_COMMON_NET_IP_H_
#define BREAKWATER_COMMON_NET_IP_H_

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace breakwater::net {

class IpAddress {
 public:
  // The unspecified IPv6 address, "::".
  IpAddress() = default;

  static IpAddress FromV4(uint32_t host_order);
  // Sixteen bytes in network order; an IPv4-mapped address becomes an IPv4 address.
  static IpAddress FromBytes(const std::array<uint8_t, 16>& bytes);
  // Dotted quad or RFC 4291 text. No zone, no port, no surrounding space.
  static absl::StatusOr<IpAddress> Parse(std::string_view text);

  bool is_v4() const;
  // Only for is_v4(): the address in host order.
  uint32_t v4() const;
  // Network order, IPv4 as ::ffff:a.b.c.d.
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  // Dotted quad, or the canonical text of RFC 5952.
  std::string ToString() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.bytes_);
  }

 private:
  std::array<uint8_t, 16> bytes_{};
};

class IpPrefix {
 public:
  // ::/0.
  IpPrefix() = default;
  // Host bits are cleared. length is within the address's own family, else it is cut to that family's maximum.
  IpPrefix(const IpAddress& address, int length);

  static IpPrefix Host(const IpAddress& address);
  // "203.0.113.0/24", "2001:db8::/32"; an address alone is its /32 or /128. Host bits that are set are an error which
  // names the prefix that was probably meant.
  static absl::StatusOr<IpPrefix> Parse(std::string_view text);

  const IpAddress& address() const { return address_; }
  bool is_v4() const { return address_.is_v4(); }
  // 0..32 for IPv4, 0..128 for IPv6.
  int length() const { return length_; }
  // The length within the 128-bit mapped space: an IPv4 length plus 96.
  int mapped_length() const { return is_v4() ? length_ + 96 : length_; }
  bool is_host() const { return length_ == (is_v4() ? 32 : 128); }

  bool Contains(const IpAddress& address) const;
  // True when every address of other is in this prefix.
  bool Contains(const IpPrefix& other) const;
  bool Overlaps(const IpPrefix& other) const { return Contains(other) || other.Contains(*this); }
  // Always with its length: "203.0.113.7/32".
  std::string ToString() const;
  // A host without its length: "203.0.113.7".
  std::string ToShortString() const;

  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpPrefix& p) {
    return H::combine(std::move(h), p.address_, p.length_);
  }

 private:
  IpAddress address_;
  int length_ = 0;
};

}  // namespace breakwater::net

#endif  // BREAKWATER_COMMON_NET_IP_H_
