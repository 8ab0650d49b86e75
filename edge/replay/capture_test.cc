#include "edge/replay/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "edge/replay/testing.h"

namespace breakwater::replay {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFile;
using testing::TestPacket;

constexpr uint32_t kHost = 0xcb007107;    // 203.0.113.7
constexpr uint32_t kSource = 0xc6336401;  // 198.51.100.1
constexpr int64_t kSecond = 1'000'000'000;
constexpr uint32_t kLinkEthernet = 1;

struct ReadResult {
  absl::Status status;
  std::string note;
  std::vector<int64_t> times;
  std::vector<Bytes> frames;
};

ReadResult Read(const std::string& path, uint64_t limit = kMaxDecodedBytes) {
  ReadResult result;
  auto reader = CaptureReader::Open(path, limit);
  if (!reader.ok()) {
    result.status = reader.status();
    return result;
  }
  while (const Packet* packet = (*reader)->Next()) {
    result.times.push_back(packet->time_ns);
    result.frames.emplace_back(packet->frame.begin(), packet->frame.end());
  }
  result.status = (*reader)->status();
  result.note = (*reader)->note();
  return result;
}

ReadResult ReadBytes(const Bytes& contents, uint64_t limit = kMaxDecodedBytes) {
  TempFile file("capture", contents);
  return Read(file.path(), limit);
}

std::vector<TestPacket> ThreePackets() {
  Bytes frame = testing::Ethernet(0x0800, testing::UdpV4(kSource, kHost, 53, 4000));
  return {{1000 * kSecond, frame}, {1000 * kSecond + 5, frame}, {1001 * kSecond, frame}};
}

TEST(CaptureReader, ReadsEveryFormatWithNanoseconds) {
  Bytes pcap = testing::Pcap(kLinkEthernet, ThreePackets());
  Bytes pcapng = testing::Pcapng(kLinkEthernet, ThreePackets());
  for (const Bytes& contents : {pcap, pcapng, testing::Gzip(pcap), testing::Gzip(pcapng)}) {
    ReadResult r = ReadBytes(contents);
    EXPECT_TRUE(r.status.ok()) << r.status;
    EXPECT_EQ(r.note, "");
    EXPECT_THAT(r.times, ElementsAre(0, 5, kSecond));
    EXPECT_THAT(r.frames, ElementsAre(ThreePackets()[0].bytes, ThreePackets()[0].bytes, ThreePackets()[0].bytes));
  }
}

TEST(CaptureReader, ReadsGzipMembersBehindEachOther) {
  Bytes pcap = testing::Pcap(kLinkEthernet, ThreePackets());
  auto middle = pcap.begin() + static_cast<ptrdiff_t>(pcap.size() / 2);
  Bytes both = testing::Join(testing::Gzip(Bytes(pcap.begin(), middle)), testing::Gzip(Bytes(middle, pcap.end())));
  both.push_back(0);  // padding
  ReadResult r = ReadBytes(both);
  EXPECT_TRUE(r.status.ok()) << r.status;
  EXPECT_EQ(r.frames.size(), 3u);
}

TEST(CaptureReader, BoundsWhatGzipDecodesTo) {
  std::vector<TestPacket> packets(2000, ThreePackets()[0]);
  Bytes gzip = testing::Gzip(testing::Pcap(kLinkEthernet, packets));
  ReadResult r = ReadBytes(gzip, 1000);
  EXPECT_THAT(std::string(r.status.message()), HasSubstr("decodes to more than 1000 bytes"));
  EXPECT_LT(r.frames.size(), packets.size());
}

// Cut anywhere, a file gives the packets that are whole, then an error; never a crash, never a wrong packet.
TEST(CaptureReader, SurvivesTruncationAtEveryByte) {
  Bytes pcap = testing::Pcap(kLinkEthernet, ThreePackets());
  Bytes pcapng = testing::Pcapng(kLinkEthernet, ThreePackets());
  for (const Bytes& whole : {pcap, pcapng, testing::Gzip(pcap), testing::Gzip(pcapng)}) {
    size_t complete = 0;
    size_t last_count = 0;
    for (size_t size = 0; size < whole.size(); ++size) {
      ReadResult r = ReadBytes(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)));
      // A cut between two packets leaves a shorter, complete file; every other cut is an error.
      if (r.status.ok()) ++complete;
      EXPECT_GE(r.frames.size(), last_count) << size;
      last_count = r.frames.size();
      for (const Bytes& frame : r.frames) EXPECT_EQ(frame, ThreePackets()[0].bytes) << size;
    }
    EXPECT_LE(complete, 5u);  // behind the header, and behind the first and the second packet
  }
}

TEST(CaptureReader, SurvivesEveryByteChanged) {
  for (const Bytes& whole :
       {testing::Pcap(kLinkEthernet, ThreePackets()), testing::Pcapng(kLinkEthernet, ThreePackets()),
        testing::Gzip(testing::Pcap(kLinkEthernet, ThreePackets()))}) {
    for (size_t at = 0; at < whole.size(); ++at) {
      for (uint8_t value : {uint8_t{0x00}, uint8_t{0xff}}) {
        Bytes damaged = whole;
        damaged[at] = value;
        ReadResult r = ReadBytes(damaged, 1 << 20);
        EXPECT_LE(r.frames.size(), 3u);
        EXPECT_TRUE(std::ranges::is_sorted(r.times));
      }
    }
  }
}

TEST(CaptureReader, NamesWhatIsWrongWithAFile) {
  EXPECT_THAT(std::string(Read("/nonexistent/x.pcap").status.message()), HasSubstr("No such file"));
  EXPECT_THAT(std::string(Read(::testing::TempDir()).status.message()), HasSubstr("is a directory"));
  EXPECT_THAT(std::string(ReadBytes({}).status.message()), HasSubstr("is empty"));
  EXPECT_THAT(
      std::string(ReadBytes({'n', 'o', 't', ' ', 'a', ' ', 'c', 'a', 'p', 't', 'u', 'r', 'e'}).status.message()),
      HasSubstr("unknown file format"));
  Bytes pcap = testing::Pcap(kLinkEthernet, ThreePackets());
  pcap.resize(pcap.size() - 1);
  EXPECT_THAT(std::string(ReadBytes(pcap).status.message()),
              ::testing::AllOf(HasSubstr("truncated"), HasSubstr("packets ahead of it: 2")));
  Bytes gzip = testing::Gzip(testing::Pcap(kLinkEthernet, ThreePackets()));
  gzip.resize(gzip.size() - 1);
  EXPECT_THAT(std::string(ReadBytes(gzip).status.message()), HasSubstr("gzip stream ends early"));
}

// libpcap refuses this one: two interfaces of different link types and snapshot lengths, in two sections of different byte
// order, with the obsolete and the simple packet block.
TEST(CaptureReader, GivesEveryPacketOfPcapngItsOwnInterface) {
  const Bytes ip = testing::UdpV4(kSource, kHost, 53, 4000);
  const Bytes frame = testing::Ethernet(0x0800, ip);
  constexpr uint16_t kRaw = 101;
  testing::PcapngWriter little(/*big_endian=*/false);
  little.Section();
  little.Interface(kLinkEthernet, 65535, /*time_resolution=*/9, /*offset_seconds=*/0);
  little.Interface(kRaw, 100, /*time_resolution=*/0x80 | 10, /*offset_seconds=*/-5);
  little.Interface(kRaw, 0, /*time_resolution=*/6, /*offset_seconds=*/0);
  little.EnhancedPacket(0, 100 * static_cast<uint64_t>(kSecond), frame);
  little.EnhancedPacket(1, 106 * 1024 + 512, ip);
  little.Block(0x0bad, {1, 2, 3, 4});
  little.ObsoletePacket(2, 102'000'007, ip);
  little.SimplePacket(frame);
  testing::PcapngWriter big(/*big_endian=*/true);
  big.Section();
  big.Interface(kRaw, 65535, 6, 0);
  big.EnhancedPacket(0, 103'000'000, ip);
  ReadResult r = ReadBytes(testing::Join(little.bytes(), big.bytes()));
  EXPECT_TRUE(r.status.ok()) << r.status;
  EXPECT_THAT(r.times, ElementsAre(0, kSecond + kSecond / 2, 2 * kSecond + 7000, 2 * kSecond + 7000, 3 * kSecond));
  ASSERT_EQ(r.frames.size(), 5u);
  for (const Bytes& got : r.frames) {
    ASSERT_EQ(got.size(), frame.size());
    EXPECT_TRUE(std::equal(ip.begin(), ip.end(), got.begin() + 14));
  }
}

TEST(CaptureReader, NamesWhatIsWrongWithPcapng) {
  const Bytes frame = testing::Ethernet(0x0800, testing::UdpV4(kSource, kHost, 53, 4000));
  auto after_interface = [&](auto write) {
    testing::PcapngWriter writer(false);
    writer.Section();
    writer.Interface(kLinkEthernet, 65535, 6, 0);
    writer.EnhancedPacket(0, 1, frame);
    write(writer);
    ReadResult r = ReadBytes(writer.bytes());
    EXPECT_EQ(r.frames.size(), 1u);
    return std::string(r.status.message());
  };
  using Writer = testing::PcapngWriter;
  EXPECT_THAT(after_interface([&](Writer& w) { w.EnhancedPacket(7, 1, frame); }), HasSubstr("of interface 7"));
  EXPECT_THAT(after_interface([&](Writer& w) { w.Block(6, Bytes(8)); }), HasSubstr("too short for its header"));
  EXPECT_THAT(after_interface(
                  [&](Writer& w) { w.Block(6, Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0}); }),
              HasSubstr("a packet of 9 bytes is longer than its block"));
  EXPECT_THAT(after_interface([&](Writer& w) { w.Interface(kLinkEthernet, 0, 20, 0); }), HasSubstr("time resolution"));
  EXPECT_THAT(after_interface([&](Writer& w) { w.Block(1, Bytes(4)); }),
              HasSubstr("interface description is too short"));
  EXPECT_THAT(after_interface([&](Writer& w) {
                w.Raw({6, 0, 0, 0, 13, 0, 0, 0});
              }),
              HasSubstr("a block says it has 13 bytes"));
  EXPECT_THAT(after_interface([&](Writer& w) {
                w.Raw({6, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff});
              }),
              HasSubstr("a block says it has"));
  EXPECT_THAT(after_interface([&](Writer& w) {
                w.Raw({6, 0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0});
              }),
              HasSubstr("two lengths are 12 and 16"));
  EXPECT_THAT(after_interface([&](Writer& w) {
                w.Raw({0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4});
              }),
              HasSubstr("no byte order"));
  testing::PcapngWriter none(false);
  none.Section();
  none.SimplePacket(frame);
  EXPECT_THAT(std::string(ReadBytes(none.bytes()).status.message()), HasSubstr("ahead of the first interface"));
}

struct LinkCase {
  const char* name;
  uint32_t link_type;
  Bytes header;
  bool v6;
};

class LinkTypeTest : public ::testing::TestWithParam<LinkCase> {};

TEST_P(LinkTypeTest, BecomesEthernet) {
  Bytes ip = GetParam().v6 ? testing::UdpV6(7, 53, 4000) : testing::UdpV4(kSource, kHost, 53, 4000);
  Bytes whole = testing::Join(GetParam().header, ip);
  ReadResult r = ReadBytes(testing::Pcap(GetParam().link_type, {{0, whole}}));
  ASSERT_TRUE(r.status.ok()) << r.status;
  ASSERT_EQ(r.frames.size(), 1u);
  ASSERT_EQ(r.frames[0].size(), 14 + ip.size());
  EXPECT_EQ(r.frames[0][12] << 8 | r.frames[0][13], GetParam().v6 ? 0x86dd : 0x0800);
  EXPECT_TRUE(std::equal(ip.begin(), ip.end(), r.frames[0].begin() + 14));
  // A link header that is cut short is an unreadable packet.
  for (size_t size = 0; size < GetParam().header.size(); ++size) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    ReadResult short_one = ReadBytes(testing::Pcap(GetParam().link_type, {{0, cut}}));
    ASSERT_EQ(short_one.frames.size(), 1u);
    EXPECT_LE(short_one.frames[0].size(), 14u + 4u) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, LinkTypeTest,
    ::testing::Values(LinkCase{"Raw4", 101, {}, false}, LinkCase{"Raw6", 101, {}, true},
                      LinkCase{"Ipv4", 228, {}, false}, LinkCase{"Ipv6", 229, {}, true},
                      LinkCase{"NullLittle", 0, {2, 0, 0, 0}, false}, LinkCase{"NullBig", 0, {0, 0, 0, 2}, false},
                      LinkCase{"NullMac6", 0, {30, 0, 0, 0}, true}, LinkCase{"Loop", 108, {0, 0, 0, 2}, false},
                      LinkCase{"Loop6", 108, {0, 0, 0, 24}, true},
                      LinkCase{"Sll", 113, {0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x08, 0x00}, false},
                      LinkCase{"Sll6", 113, {0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x86, 0xdd}, true},
                      LinkCase{"Sll2", 276, {0x08, 0x00, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0}, false},
                      LinkCase{"Ppp", 9, {0xff, 0x03, 0x00, 0x21}, false}, LinkCase{"PppShort", 9, {0x21}, false},
                      LinkCase{"Ppp6", 9, {0x00, 0x57}, true}, LinkCase{"PppHdlc", 50, {0xff, 0x03, 0x00, 0x21}, false},
                      LinkCase{"PppCisco", 50, {0x0f, 0x00, 0x08, 0x00}, false},
                      LinkCase{"PppEther", 51, {0x11, 0, 0, 1, 0, 30, 0x00, 0x21}, false},
                      LinkCase{"Hdlc", 104, {0x0f, 0x00, 0x86, 0xdd}, true}),
    [](const auto& link_case) { return link_case.param.name; });

TEST(CaptureReader, CountsPacketsOfUnreadableLinkTypes) {
  constexpr uint32_t kRadiotap = 127;
  ReadResult r = ReadBytes(testing::Pcap(kRadiotap, ThreePackets()));
  EXPECT_TRUE(r.status.ok());
  EXPECT_THAT(r.frames, ElementsAre(Bytes(), Bytes(), Bytes()));
  EXPECT_THAT(r.note, HasSubstr("IEEE802_11_RADIO (127)"));
}

TEST(Timeline, ClampsPacketsThatAreALittleLate) {
  Timeline t;
  EXPECT_EQ(t.Next(100, 0), 0);
  EXPECT_EQ(t.Next(100, 500), 500);
  EXPECT_EQ(t.Next(100, 300), 500);
  EXPECT_EQ(t.Next(99, 500), 500);
  EXPECT_EQ(t.Next(100, 600), 600);
  EXPECT_EQ(t.reordered(), 2u);
  EXPECT_EQ(t.set_back(), 0u);
}

TEST(Timeline, GoesOnFromAClockThatWasSetBack) {
  Timeline t;
  t.Next(5000, 0);
  EXPECT_EQ(t.Next(5001, 0), kSecond);
  EXPECT_EQ(t.Next(1000, 0), kSecond);
  EXPECT_EQ(t.Next(1000, 7), kSecond + 7);
  EXPECT_EQ(t.set_back(), 1u);
}

TEST(Timeline, CutsTimesBeyondAnySense) {
  Timeline t;
  t.Next(0, 0);
  EXPECT_EQ(t.Next(INT64_MAX, INT64_MAX), kMaxTimeNs);
  EXPECT_EQ(t.Next(INT64_MIN, INT64_MIN), kMaxTimeNs);
  EXPECT_EQ(t.Next(INT64_MAX, 0), kMaxTimeNs);
}

}  // namespace
}  // namespace breakwater::replay
