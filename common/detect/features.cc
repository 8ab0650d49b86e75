#include "common/detect/features.h"

#include <optional>

#include "common/window/sample_reader.h"

namespace breakwater::detect {
namespace {

using rule::FieldId;

constexpr double k16 = 65536.0;
constexpr double k32 = 4294967296.0;
constexpr uint32_t kV4Header = 20;
constexpr uint32_t kV6Header = 40;

// The surprise of values is a rough prior, used where no clean samples can say better: port numbers of services, zero
// and the like say little, constant payload or constant "random" numbers say much.
std::array<FeatureInfo, kFeatureCount> MakeTable() {
  std::array<FeatureInfo, kFeatureCount> t{};
  auto set = [&t](int f, FieldId field, uint8_t offset, uint8_t length, float bits, float zero_bits, double domain,
                  uint32_t near, bool range, size_t max_set = 8) {
    t[static_cast<size_t>(f)] = {field, offset, length, bits, zero_bits, domain, near, range, max_set};
  };
  set(kProto, FieldId::kIpProto, 0, 0, 1, 1, 4, 0, false);
  set(kLen, FieldId::kIpLen, 0, 0, 8, 8, 1480, 4, true);
  set(kTtl, FieldId::kIpTtl, 0, 0, 5, 8, 96, 1, true);
  set(kDscp, FieldId::kIpDscp, 0, 0, 3, 0, 64, 0, false);
  set(kId, FieldId::kIpId, 0, 0, 14, 1, k16, 0, false, 4);
  set(kFragment, FieldId::kIpFragment, 0, 0, 1, 1, 4, 0, false);
  set(kVersionIhl, FieldId::kL3Bytes, 0, 1, 6, 6, 16, 0, false);
  set(kNextHeader, FieldId::kL3Bytes, 6, 1, 3, 3, 8, 0, false);
  set(kFlowLabel, FieldId::kL3Bytes, 0, 4, 14, 14, k16 * 16, 0, false);
  set(kFragmentOffset, FieldId::kL3Bytes, 6, 2, 8, 8, 8192, 0, true);
  set(kTcpSport, FieldId::kTcpSrcPort, 0, 0, 12, 12, k16, 0, true);
  set(kTcpDport, FieldId::kTcpDstPort, 0, 0, 1, 8, k16, 0, true);
  set(kTcpFlags, FieldId::kTcpFlags, 0, 0, 1, 4, 8, 0, false);
  set(kTcpWindow, FieldId::kTcpWindow, 0, 0, 8, 4, k16, 0, true);
  set(kTcpHdrLen, FieldId::kTcpHdrLen, 0, 0, 1, 8, 6, 0, false);
  set(kTcpSeq, FieldId::kTcpSeq, 0, 0, 24, 10, k32, 0, true);
  set(kTcpAck, FieldId::kTcpAck, 0, 0, 24, 1, k32, 0, true);
  set(kTcpSeqHigh, FieldId::kL4Bytes, 4, 2, 14, 10, k16, 0, false);
  set(kTcpSeqLow, FieldId::kL4Bytes, 6, 2, 14, 10, k16, 0, false);
  set(kTcpAckHigh, FieldId::kL4Bytes, 8, 2, 14, 1, k16, 0, false);
  set(kTcpAckLow, FieldId::kL4Bytes, 10, 2, 14, 1, k16, 0, false);
  set(kTcpUrgent, FieldId::kL4Bytes, 18, 2, 12, 0, k16, 0, false);
  set(kUdpSport, FieldId::kUdpSrcPort, 0, 0, 8, 8, k16, 0, true);
  set(kUdpDport, FieldId::kUdpDstPort, 0, 0, 1, 8, k16, 0, true);
  set(kUdpLen, FieldId::kUdpLen, 0, 0, 8, 8, 1480, 4, true);
  set(kUdpChecksum, FieldId::kL4Bytes, 6, 2, 14, 5, k16, 0, false);
  set(kIcmpType, FieldId::kIcmpType, 0, 0, 1, 1, 8, 0, false);
  set(kIcmpCode, FieldId::kIcmpCode, 0, 0, 1, 0, 8, 0, false);
  set(kIcmpId, FieldId::kL4Bytes, 4, 2, 12, 1, k16, 0, true);
  set(kIcmpSeq, FieldId::kL4Bytes, 6, 2, 10, 2, k16, 0, true);
  for (int i = 0; i < 5; ++i) {
    set(kOptionFirst + i, FieldId::kL4Bytes, static_cast<uint8_t>(20 + 4 * i), 4, 8, 8, k32, 0, false, 4);
  }
  for (int i = 0; i < 6; ++i) {  // the offset depends on the IP version: see ReadFeatures and Predicate
    set(kTailFirst + i, FieldId::kL3Bytes, static_cast<uint8_t>(4 * i), 4, 20, 6, k32, 0, false, 4);
  }
  for (int i = 0; i < 12; ++i) {
    set(kWordFirst + i, FieldId::kPayloadBytes, static_cast<uint8_t>(4 * i), 4, 20, 4, k32, 0, true, 4);
  }
  for (int i = 0; i < 24; ++i) {
    set(kHalfFirst + i, FieldId::kPayloadBytes, static_cast<uint8_t>(2 * i), 2, 12, 2, k16, 0, false, 3);
  }
  for (int i = 0; i < 32; ++i) {
    set(kByteFirst + i, FieldId::kPayloadBytes, static_cast<uint8_t>(i), 1, 5, 1, 256, 0, false, 2);
  }
  return t;
}

}  // namespace

const FeatureInfo& Info(int feature) {
  static const std::array<FeatureInfo, kFeatureCount> table = MakeTable();
  return table[static_cast<size_t>(feature)];
}

FeatureRow ReadFeatures(const window::HeaderSample& sample) {
  FeatureRow row;
  row.source = sample.source;
  row.weight = sample.weight == 0 ? 1 : sample.weight;
  window::SampleReader reader(sample);
  auto put = [&row](int feature, std::optional<uint64_t> value) {
    if (!value) return;
    row.value[static_cast<size_t>(feature)] = static_cast<uint32_t>(*value);
    row.present.set(static_cast<size_t>(feature));
  };
  auto number = [&](int feature) { put(feature, reader.Number(Info(feature).field)); };
  auto bytes = [&](int feature) {
    const FeatureInfo& info = Info(feature);
    put(feature, reader.Bytes(info.field, info.offset, info.length));
  };
  const bool v4 = reader.Number(FieldId::kIpVersion) == 4;
  for (int f : {kProto, kLen, kTtl, kDscp, kId, kFragment}) number(f);
  if (v4) {
    bytes(kVersionIhl);
    if (sample.fragment) bytes(kFragmentOffset);
  } else {
    bytes(kNextHeader);
    bytes(kFlowLabel);
  }
  const bool transport = !sample.later_fragment && (sample.protocol == 6 || sample.protocol == 17 ||
                                                    sample.protocol == 1 || sample.protocol == 58);
  if (!transport) {
    for (int i = 0; i < 6; ++i) {
      put(kTailFirst + i,
          reader.Bytes(FieldId::kL3Bytes, (v4 ? kV4Header : kV6Header) + 4 * static_cast<uint32_t>(i), 4));
    }
    return row;
  }
  if (sample.protocol == 6) {
    for (int f : {kTcpSport, kTcpDport, kTcpFlags, kTcpWindow, kTcpHdrLen, kTcpSeq, kTcpAck}) number(f);
    for (int f : {kTcpSeqHigh, kTcpSeqLow, kTcpAckHigh, kTcpAckLow, kTcpUrgent}) bytes(f);
    const uint32_t header = row.has(kTcpHdrLen) ? row.value[kTcpHdrLen] : 0;
    for (int i = 0; i < 5; ++i) {
      if (header >= 24 + 4 * static_cast<uint32_t>(i)) bytes(kOptionFirst + i);
    }
  } else if (sample.protocol == 17) {
    for (int f : {kUdpSport, kUdpDport, kUdpLen}) number(f);
    bytes(kUdpChecksum);
  } else {
    put(kIcmpType, reader.Number(v4 ? FieldId::kIcmpType : FieldId::kIcmp6Type));
    put(kIcmpCode, reader.Number(v4 ? FieldId::kIcmpCode : FieldId::kIcmp6Code));
    bytes(kIcmpId);
    bytes(kIcmpSeq);
  }
  for (int f = kWordFirst; f < kFeatureCount; ++f) bytes(f);
  return row;
}

}  // namespace breakwater::detect
