// What mining looks at in a sampled packet: the fields of rule/field.h that a signature can name, and bytes at fixed
// places. Every feature is one comparison that the packet filter can decide.
//
//   FeatureRow row = ReadFeatures(sample);
//   if (row.has(kTtl)) use(row.value[kTtl]);
//
// All functions are pure and thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_FEATURES_H_
#define BREAKWATER_COMMON_DETECT_FEATURES_H_

#include <array>
#include <bitset>
#include <cstdint>

#include "common/net/ip.h"
#include "common/rule/field.h"
#include "common/window/slot.h"

namespace breakwater::detect {

enum Feature : int {
  kProto,
  kLen,
  kTtl,
  kDscp,
  kId,
  kFragment,
  kVersionIhl,      // IPv4 only: l3[0:1]
  kNextHeader,      // IPv6 only: l3[6:1], so that extension headers are seen
  kFlowLabel,       // IPv6 only: l3[0:4] with version and traffic class
  kFragmentOffset,  // IPv4 fragments only: l3[6:2]
  kTcpSport,
  kTcpDport,
  kTcpFlags,
  kTcpWindow,
  kTcpHdrLen,
  kTcpSeq,
  kTcpAck,
  kTcpSeqHigh,  // halves of seq and ack: spoofing tools often fill only one
  kTcpSeqLow,
  kTcpAckHigh,
  kTcpAckLow,
  kTcpUrgent,
  kUdpSport,
  kUdpDport,
  kUdpLen,
  kUdpChecksum,
  kIcmpType,  // ICMP or ICMPv6, as the packet is
  kIcmpCode,
  kIcmpId,                        // l4[4:2]
  kIcmpSeq,                       // l4[6:2]
  kOptionFirst,                   // 5 words of TCP options: l4[20:4] .. l4[36:4]
  kTailFirst = kOptionFirst + 5,  // 6 words behind the IP header, where no transport header is parsed
  kWordFirst = kTailFirst + 6,    // 12 words of payload
  kHalfFirst = kWordFirst + 12,   // 24 halves of payload
  kByteFirst = kHalfFirst + 24,   // 32 bytes of payload
  kFeatureCount = kByteFirst + 32,
};

struct FeatureInfo {
  rule::FieldId field = rule::FieldId::kIpProto;
  uint8_t offset = 0;  // of kBytes fields
  uint8_t length = 0;
  // How surprising one value of it is in ordinary traffic, in bits: what naming it adds to a signature's specificity.
  float bits = 0;
  float zero_bits = 0;  // the same for the value 0
  double domain = 1;    // how many values ordinary traffic spreads over
  uint32_t near = 0;    // values no further apart than this are one interval
  bool range = false;   // intervals of it make sense
  size_t max_set = 8;   // how many values a comparison may list
};
const FeatureInfo& Info(int feature);

struct FeatureRow {
  std::array<uint32_t, kFeatureCount> value{};
  std::bitset<kFeatureCount> present;
  net::IpAddress source;
  double weight = 1;

  bool has(int feature) const { return present[static_cast<size_t>(feature)]; }
};

FeatureRow ReadFeatures(const window::HeaderSample& sample);

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_FEATURES_H_
