#include "edge/datapath/header_sample.h"

#include <algorithm>

#include "edge/datapath/terms.h"

namespace breakwater::datapath {

static_assert(window::HeaderSample::kMaxBytes == BW_SAMPLE_BYTES);

window::HeaderSample HeaderSampleOf(const bw_sample& from, absl::Time time) {
  window::HeaderSample to;
  to.time = time;
  to.weight = from.weight;
  to.vector = static_cast<window::Vector>(from.vector);
  to.dropped = from.flags & BW_SAMPLE_DROPPED;
  to.source = AddressOf(from.src);
  to.destination = AddressOf(from.dst);
  to.protocol = from.protocol;
  to.fragment = from.flags & BW_SAMPLE_FRAGMENT;
  to.later_fragment = from.flags & BW_SAMPLE_LATER_FRAGMENT;
  to.ip_length = from.ip_length;
  to.vlan = from.vlan;
  to.size = std::min<uint16_t>(from.size, window::HeaderSample::kMaxBytes);
  auto within = [&](uint16_t offset) { return offset == 0 || offset > to.size ? to.size : offset; };
  to.l4_offset = within(from.l4_offset);
  to.payload_offset = within(from.payload_offset);
  std::copy_n(from.bytes, to.size, to.bytes.begin());
  return to;
}

}  // namespace breakwater::datapath
