// A sampled header as a rule's match sees it, for mining, dry runs and impact estimates.
//
//   SampleReader packet(sample);
//   rule::Matches(*expr, packet);
//
// Knows every L3 and L4 field as far as the sampled bytes reach; what lies beyond them, or in a layer that the packet
// doesn't have, is absent. Source ASN and country, TLS and HTTP fields aren't in a sample: absent. Reads the sample
// where it is, so the sample must outlive the reader. Thread-safe; allocates nothing.
#ifndef BREAKWATER_COMMON_WINDOW_SAMPLE_READER_H_
#define BREAKWATER_COMMON_WINDOW_SAMPLE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/rule/expr.h"
#include "common/window/slot.h"

namespace breakwater::window {

class SampleReader final : public rule::FieldReader {
 public:
  explicit SampleReader(const HeaderSample& sample) : sample_(sample) {}

  std::optional<uint64_t> Number(rule::FieldId field) const override;
  std::optional<net::IpAddress> Address(rule::FieldId field) const override;
  std::optional<uint64_t> Bytes(rule::FieldId field, uint32_t offset, uint32_t length) const override;
  std::optional<std::string_view> String(rule::FieldId field, std::string_view key) const override;

 private:
  // From the IP header on, without link-layer padding behind the IP packet.
  std::span<const uint8_t> L3() const;
  std::span<const uint8_t> From(uint16_t offset) const;
  std::span<const uint8_t> L4() const;
  std::span<const uint8_t> Payload() const;
  // The transport header when the packet is of this protocol, else nothing.
  std::span<const uint8_t> L4Of(uint8_t protocol) const;
  std::optional<uint64_t> Fragment() const;

  const HeaderSample& sample_;
};

}  // namespace breakwater::window

#endif  // BREAKWATER_COMMON_WINDOW_SAMPLE_READER_H_
