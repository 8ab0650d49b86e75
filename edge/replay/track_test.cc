#include "edge/replay/track.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "edge/replay/merge.h"
#include "edge/replay/testing.h"

namespace breakwater::replay {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFile;
using testing::TestPacket;

constexpr uint32_t kLinkEthernet = 1;

// A frame that says who it is.
Bytes Numbered(uint8_t number) { return testing::Ethernet(0x0800, Bytes(20, number)); }

Bytes CaptureAt(const std::vector<int64_t>& times) {
  std::vector<TestPacket> packets;
  for (size_t i = 0; i < times.size(); ++i) packets.push_back({times[i], Numbered(static_cast<uint8_t>(i))});
  return testing::Pcap(kLinkEthernet, packets);
}

std::vector<int64_t> Times(Track& track) {
  std::vector<int64_t> times;
  while (const Packet* packet = track.Next()) times.push_back(packet->time_ns);
  return times;
}

constexpr TrackLimits kStreamAfterOne{.memory_bytes = 1};

TEST(Track, LoopsWithTheAverageGap) {
  TempFile file("loop.pcap", CaptureAt({5000, 5010, 5030, 5060}));
  for (const TrackLimits& limits : {TrackLimits{}, kStreamAfterOne}) {
    Track track(file.path(), 3, limits);
    EXPECT_EQ(track.streamed(), limits.memory_bytes == 1);
    EXPECT_THAT(Times(track), ElementsAre(0, 10, 30, 60, 80, 90, 110, 140, 160, 170, 190, 220));
    EXPECT_TRUE(track.status().ok()) << track.status();
  }
}

TEST(Track, LoopsAFileWithoutDuration) {
  TempFile file("one.pcap", CaptureAt({5000}));
  Track track(file.path(), 3, {});
  EXPECT_THAT(Times(track), ElementsAre(0, Track::kLoneGapNs, 2 * Track::kLoneGapNs));
}

TEST(Track, StreamingGivesTheSamePackets) {
  std::vector<int64_t> times;
  for (int64_t i = 0; i < 200; ++i) times.push_back(i * 7);
  TempFile file("stream.pcap", CaptureAt(times));
  for (uint64_t memory : {uint64_t{1}, uint64_t{100}, uint64_t{3000}, uint64_t{1} << 20}) {
    Track track(file.path(), 2, {.memory_bytes = memory});
    size_t count = 0;
    while (const Packet* packet = track.Next()) {
      ASSERT_EQ(packet->frame[14], count % 200);
      ++count;
    }
    EXPECT_EQ(count, 400u);
  }
}

TEST(Track, KeepsTheErrorOfADamagedFile) {
  Bytes contents = CaptureAt({5000, 5010, 5030});
  contents.resize(contents.size() - 3);
  TempFile file("damaged.pcap", contents);
  for (const TrackLimits& limits : {TrackLimits{}, kStreamAfterOne}) {
    Track track(file.path(), 2, limits);
    EXPECT_THAT(Times(track), ElementsAre(0, 10, 20, 30));
    EXPECT_THAT(std::string(track.status().message()), HasSubstr("truncated"));
  }
}

TEST(Track, MissingFileHasNoPackets) {
  Track track("/nonexistent.pcap", 5, {});
  EXPECT_EQ(track.Next(), nullptr);
  EXPECT_FALSE(track.status().ok());
}

TEST(Track, ReadsAPipeOnce) {
  std::string path = ::testing::TempDir() + "/breakwater-fifo-" + std::to_string(getpid());
  for (uint64_t loops : {uint64_t{1}, uint64_t{2}}) {
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    std::thread writer([&path] {
      Bytes contents = CaptureAt({5000, 5010, 5030});
      FILE* file = fopen(path.c_str(), "wb");
      fwrite(contents.data(), 1, contents.size(), file);
      fclose(file);
    });
    Track track(path, loops, kStreamAfterOne);
    EXPECT_THAT(Times(track), ElementsAre(0, 10, 30));
    EXPECT_EQ(track.status().ok(), loops == 1) << track.status();
    writer.join();
    unlink(path.c_str());
  }
}

TEST(Merge, OrdersByTimeThenByPosition) {
  TempFile a("a.pcap", CaptureAt({100, 110, 130}));
  TempFile b("b.pcap", CaptureAt({7000, 7010, 7020}));
  TempFile empty("empty.pcap", CaptureAt({}));
  Track first(a.path(), 1, {});
  Track second(b.path(), 1, {});
  Track third(empty.path(), 1, {});
  Merge merge({&first, &second, &third});
  std::vector<std::pair<int64_t, size_t>> got;
  while (auto item = merge.Next()) got.emplace_back(item.packet->time_ns, item.track);
  EXPECT_THAT(got, ElementsAre(std::pair(0, 0), std::pair(0, 1), std::pair(10, 0), std::pair(10, 1), std::pair(20, 1),
                               std::pair(30, 0)));
  EXPECT_FALSE(merge.Next());
}

TEST(Merge, IsSortedForManyTracks) {
  constexpr uint32_t kSeed = 4711;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  std::vector<std::unique_ptr<TempFile>> files;
  std::vector<std::unique_ptr<Track>> tracks;
  std::vector<Track*> pointers;
  for (int i = 0; i < 40; ++i) {
    std::vector<int64_t> times = {1};
    for (uint32_t n = random() % 50; n > 0; --n) times.push_back(times.back() + random() % 20);
    files.push_back(std::make_unique<TempFile>(std::to_string(i), CaptureAt(times)));
    tracks.push_back(std::make_unique<Track>(files.back()->path(), 1 + random() % 3, TrackLimits{}));
    pointers.push_back(tracks.back().get());
  }
  Merge merge(pointers);
  std::pair<int64_t, size_t> last{0, 0};
  size_t count = 0;
  while (auto item = merge.Next()) {
    std::pair<int64_t, size_t> now{item.packet->time_ns, item.track};
    EXPECT_LE(last, now);
    last = now;
    ++count;
  }
  EXPECT_GT(count, 1000u);
}

}  // namespace
}  // namespace breakwater::replay
