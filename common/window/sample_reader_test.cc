#include "common/window/sample_reader.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace breakwater::window {
namespace {

using rule::FieldId;

HeaderSample Sample(std::vector<uint8_t> bytes, uint8_t protocol, uint16_t l4, uint16_t payload) {
  HeaderSample s;
  s.ip_length = static_cast<uint32_t>(bytes.size());
  s.size = static_cast<uint16_t>(std::min(bytes.size(), HeaderSample::kMaxBytes));
  std::copy_n(bytes.begin(), s.size, s.bytes.begin());
  s.protocol = protocol;
  s.l4_offset = std::min(l4, s.size);
  s.payload_offset = std::min(payload, s.size);
  s.source = net::IpAddress::FromV4(0xc6336401);
  s.destination = net::IpAddress::FromV4(0xcb007107);
  return s;
}

std::vector<uint8_t> V4(uint8_t protocol, std::vector<uint8_t> rest, uint16_t fragment = 0x4000) {
  std::vector<uint8_t> p = {0x45,
                            0xb8,
                            0,
                            0,
                            0x12,
                            0x34,
                            static_cast<uint8_t>(fragment >> 8),
                            static_cast<uint8_t>(fragment),
                            57,
                            protocol,
                            0,
                            0,
                            198,
                            51,
                            100,
                            1,
                            203,
                            0,
                            113,
                            7};
  p.insert(p.end(), rest.begin(), rest.end());
  return p;
}

std::vector<uint8_t> V6(uint8_t next, std::vector<uint8_t> rest) {
  std::vector<uint8_t> p(40, 0);
  p[0] = 0x6b;  // traffic class 0xb8: DSCP 46
  p[1] = 0x80;
  p[6] = next;
  p[7] = 61;
  p.insert(p.end(), rest.begin(), rest.end());
  return p;
}

const std::vector<uint8_t> kTcpHeader = {0x04, 0xd2, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x12, 0xfa, 0xf0, 0, 0, 0, 0};

TEST(SampleReaderTest, Ipv4Fields) {
  HeaderSample s = Sample(V4(6, kTcpHeader), 6, 20, 40);
  SampleReader r(s);
  EXPECT_EQ(r.Number(FieldId::kIpVersion), 4);
  EXPECT_EQ(r.Number(FieldId::kIpProto), 6);
  EXPECT_EQ(r.Number(FieldId::kIpLen), 40);
  EXPECT_EQ(r.Number(FieldId::kIpTtl), 57);
  EXPECT_EQ(r.Number(FieldId::kIpDscp), 46);
  EXPECT_EQ(r.Number(FieldId::kIpId), 0x1234);
  EXPECT_EQ(r.Number(FieldId::kIpFragment), 1);  // df
  EXPECT_EQ(r.Address(FieldId::kIpSrc)->ToString(), "198.51.100.1");
  EXPECT_EQ(r.Address(FieldId::kIpDst)->ToString(), "203.0.113.7");
  EXPECT_EQ(r.Address(FieldId::kIpLen), std::nullopt);
}

TEST(SampleReaderTest, TcpFieldsAndOnlyThose) {
  HeaderSample s = Sample(V4(6, kTcpHeader), 6, 20, 40);
  SampleReader r(s);
  EXPECT_EQ(r.Number(FieldId::kSrcPort), 1234);
  EXPECT_EQ(r.Number(FieldId::kDstPort), 80);
  EXPECT_EQ(r.Number(FieldId::kTcpSrcPort), 1234);
  EXPECT_EQ(r.Number(FieldId::kTcpDstPort), 80);
  EXPECT_EQ(r.Number(FieldId::kTcpSeq), 0x01020304);
  EXPECT_EQ(r.Number(FieldId::kTcpAck), 0x05060708);
  EXPECT_EQ(r.Number(FieldId::kTcpHdrLen), 20);
  EXPECT_EQ(r.Number(FieldId::kTcpFlags), 0x12);
  EXPECT_EQ(r.Number(FieldId::kTcpWindow), 0xfaf0);
  EXPECT_EQ(r.Number(FieldId::kUdpSrcPort), std::nullopt);
  EXPECT_EQ(r.Number(FieldId::kUdpLen), std::nullopt);
  EXPECT_EQ(r.Number(FieldId::kIcmpType), std::nullopt);
  EXPECT_EQ(r.Number(FieldId::kIcmp6Type), std::nullopt);
  EXPECT_EQ(r.Number(FieldId::kSrcAsn), std::nullopt);
  EXPECT_EQ(r.String(FieldId::kHttpHost, ""), std::nullopt);
}

TEST(SampleReaderTest, UdpFieldsAndPayloadBytes) {
  HeaderSample s = Sample(V4(17, {0, 53, 0x30, 0x39, 0, 12, 0, 0, 0xde, 0xad, 0xbe, 0xef}), 17, 20, 28);
  SampleReader r(s);
  EXPECT_EQ(r.Number(FieldId::kSrcPort), 53);
  EXPECT_EQ(r.Number(FieldId::kUdpSrcPort), 53);
  EXPECT_EQ(r.Number(FieldId::kUdpDstPort), 12345);
  EXPECT_EQ(r.Number(FieldId::kUdpLen), 12);
  EXPECT_EQ(r.Number(FieldId::kTcpFlags), std::nullopt);
  EXPECT_EQ(r.Bytes(FieldId::kPayloadBytes, 0, 4), 0xdeadbeef);
  EXPECT_EQ(r.Bytes(FieldId::kPayloadBytes, 3, 1), 0xef);
  EXPECT_EQ(r.Bytes(FieldId::kPayloadBytes, 3, 2), std::nullopt);
  EXPECT_EQ(r.Bytes(FieldId::kPayloadBytes, 4, 1), std::nullopt);
  EXPECT_EQ(r.Bytes(FieldId::kPayloadBytes, 4000000000u, 8), std::nullopt);
  EXPECT_EQ(r.Bytes(FieldId::kPayloadBytes, 0, 0), std::nullopt);
  EXPECT_EQ(r.Bytes(FieldId::kL4Bytes, 0, 2), 53);
  EXPECT_EQ(r.Bytes(FieldId::kL3Bytes, 0, 1), 0x45);
  EXPECT_EQ(r.Bytes(FieldId::kIpTtl, 0, 1), std::nullopt);
}

TEST(SampleReaderTest, IcmpOfEachFamily) {
  HeaderSample v4 = Sample(V4(1, {3, 1, 0, 0, 0, 0, 0, 0}), 1, 20, 28);
  EXPECT_EQ(SampleReader(v4).Number(FieldId::kIcmpType), 3);
  EXPECT_EQ(SampleReader(v4).Number(FieldId::kIcmpCode), 1);
  EXPECT_EQ(SampleReader(v4).Number(FieldId::kIcmp6Type), std::nullopt);
  EXPECT_EQ(SampleReader(v4).Number(FieldId::kSrcPort), std::nullopt);

  HeaderSample wrong = Sample(V6(1, {8, 0, 0, 0, 0, 0, 0, 0}), 1, 40, 48);  // ICMP doesn't belong into IPv6
  EXPECT_EQ(SampleReader(wrong).Number(FieldId::kIcmpType), std::nullopt);
  EXPECT_EQ(SampleReader(wrong).Number(FieldId::kIcmp6Type), std::nullopt);

  HeaderSample v6 = Sample(V6(58, {128, 0, 0, 0, 0, 0, 0, 0}), 58, 40, 48);
  SampleReader r(v6);
  EXPECT_EQ(r.Number(FieldId::kIcmp6Type), 128);
  EXPECT_EQ(r.Number(FieldId::kIcmp6Code), 0);
  EXPECT_EQ(r.Number(FieldId::kIcmpType), std::nullopt);
  EXPECT_EQ(r.Number(FieldId::kIpVersion), 6);
  EXPECT_EQ(r.Number(FieldId::kIpTtl), 61);
  EXPECT_EQ(r.Number(FieldId::kIpDscp), 46);
  EXPECT_EQ(r.Number(FieldId::kIpId), std::nullopt);
  EXPECT_EQ(r.Number(FieldId::kIpFragment), 0);
}

TEST(SampleReaderTest, FragmentBits) {
  struct Case {
    uint16_t word;
    uint64_t bits;
  };
  for (const Case& c : {Case{0x0000, 0}, Case{0x4000, 1}, Case{0x2000, 4}, Case{0x20b9, 2}, Case{0x00b9, 10}}) {
    HeaderSample s = Sample(V4(17, {}, c.word), 17, 20, 20);
    EXPECT_EQ(SampleReader(s).Number(FieldId::kIpFragment), c.bits) << c.word;
  }
  // A destination options header, then the fragment header of a last fragment.
  HeaderSample v6 = Sample(V6(60, {44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0x05, 0xa8, 0, 0, 0, 1}), 17, 56, 56);
  v6.fragment = v6.later_fragment = true;
  EXPECT_EQ(SampleReader(v6).Number(FieldId::kIpFragment), 10);
  // An atomic fragment is the first and the last.
  HeaderSample atomic = Sample(V6(44, {17, 0, 0, 0, 0, 0, 0, 1}), 17, 48, 48);
  EXPECT_EQ(SampleReader(atomic).Number(FieldId::kIpFragment), 12);
  // Fragment header behind the sampled bytes.
  HeaderSample cut = Sample(V6(60, {44, 1}), 17, 42, 42);
  cut.fragment = true;
  EXPECT_EQ(SampleReader(cut).Number(FieldId::kIpFragment), std::nullopt);
  // An authentication header (24 bytes) in between.
  std::vector<uint8_t> ah(24, 0);
  ah[0] = 44;
  ah[1] = 4;
  ah.insert(ah.end(), {17, 0, 0, 1, 0, 0, 0, 1});
  HeaderSample first = Sample(V6(51, ah), 17, 72, 72);
  first.fragment = true;
  EXPECT_EQ(SampleReader(first).Number(FieldId::kIpFragment), 4);
}

TEST(SampleReaderTest, LaterFragmentHasNoTransport) {
  HeaderSample s = Sample(V4(17, {1, 2, 3, 4, 5, 6, 7, 8, 9}, 0x00b9), 17, 20, 20);
  s.fragment = s.later_fragment = true;
  SampleReader r(s);
  EXPECT_EQ(r.Number(FieldId::kIpProto), 17);
  EXPECT_EQ(r.Number(FieldId::kUdpSrcPort), std::nullopt);
  EXPECT_EQ(r.Number(FieldId::kSrcPort), std::nullopt);
  EXPECT_EQ(r.Bytes(FieldId::kL4Bytes, 0, 1), std::nullopt);
  EXPECT_EQ(r.Bytes(FieldId::kPayloadBytes, 0, 1), std::nullopt);
}

TEST(SampleReaderTest, EveryCutIsAbsentNeverWrong) {
  const std::vector<uint8_t> whole = V4(6, kTcpHeader);
  HeaderSample full = Sample(whole, 6, 20, 40);
  SampleReader want(full);
  for (size_t n = 0; n <= whole.size(); ++n) {
    HeaderSample cut = full;
    cut.size = static_cast<uint16_t>(n);
    SampleReader got(cut);
    for (const FieldId f :
         {FieldId::kIpVersion, FieldId::kIpTtl, FieldId::kIpDscp, FieldId::kIpId, FieldId::kIpFragment,
          FieldId::kTcpSrcPort, FieldId::kTcpSeq, FieldId::kTcpFlags, FieldId::kTcpWindow}) {
      std::optional<uint64_t> v = got.Number(f);
      if (v) {
        EXPECT_EQ(v, want.Number(f)) << "field " << static_cast<int>(f) << " at " << n;
      }
    }
    EXPECT_EQ(got.Number(FieldId::kTcpWindow).has_value(), n >= 36) << n;
  }
}

TEST(SampleReaderTest, LinkPaddingIsNotPartOfThePacket) {
  std::vector<uint8_t> p = V4(17, {0, 53, 0, 53, 0, 8, 0, 0});
  p.resize(46, 0xee);
  HeaderSample s = Sample(p, 17, 20, 28);
  s.ip_length = 28;
  EXPECT_EQ(SampleReader(s).Bytes(FieldId::kPayloadBytes, 0, 1), std::nullopt);
  EXPECT_EQ(SampleReader(s).Bytes(FieldId::kL3Bytes, 27, 1), 0);
}

TEST(SampleReaderTest, VlanIsAbsentWhenUntagged) {
  HeaderSample s = Sample(V4(17, {}), 17, 20, 20);
  EXPECT_EQ(SampleReader(s).Number(FieldId::kVlanId), std::nullopt);
  s.vlan = 7;
  EXPECT_EQ(SampleReader(s).Number(FieldId::kVlanId), 7);
}

}  // namespace
}  // namespace breakwater::window
