// The run itself, with an engine that does what the test says.
#include "edge/replay/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "edge/replay/compare.h"
#include "edge/replay/ledger.h"
#include "edge/replay/testing.h"

namespace breakwater::replay {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFile;
using testing::TestPacket;

constexpr uint32_t kLinkEthernet = 1;
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kYear = int64_t{365} * 86400 * 1000 * kMillisecond;

Bytes Dns() { return testing::Ethernet(0x0800, testing::UdpV4(0xc6336401, 0xcb007107, 53, 4000)); }

class FakeEngine : public datapath::Engine {
 public:
  std::function<absl::StatusOr<datapath::Verdict>(size_t)> judge = [](size_t) { return datapath::Verdict{}; };
  std::function<absl::Status(size_t)> install = [](size_t) { return absl::OkStatus(); };
  std::vector<absl::Time> times;
  std::vector<size_t> packets_at_take;
  size_t installs = 0;

  absl::StatusOr<datapath::InstallReport> Install(const datapath::Ruleset& ruleset) override {
    if (absl::Status s = install(++installs); !s.ok()) return s;
    return datapath::InstallReport{.revision = ruleset.revision, .refused = {}};
  }
  absl::StatusOr<datapath::SlotCounters> TakeCounters() override {
    packets_at_take.push_back(times.size());
    return datapath::SlotCounters{};
  }
  absl::Status SetPanic(bool) override { return absl::OkStatus(); }
  absl::StatusOr<datapath::Verdict> Process(std::span<const uint8_t>, absl::Time now) override {
    times.push_back(now);
    return judge(times.size());
  }
};

std::vector<Input> LoadOne(const std::string& path, Label label = Label::kAttack) {
  return Load({{path, label, 1}}, {});
}

TempFile CaptureAt(const std::vector<int64_t>& times) {
  std::vector<TestPacket> packets;
  for (int64_t time : times) packets.push_back({time, Dns()});
  return TempFile("replay.pcap", testing::Pcap(kLinkEthernet, packets));
}

TEST(Replay, ClosesSlotsAtHundredMilliseconds) {
  TempFile file = CaptureAt({5 * kMillisecond, 104 * kMillisecond, 105 * kMillisecond, 250 * kMillisecond});
  std::vector<Input> inputs = LoadOne(file.path());
  FakeEngine engine;
  absl::StatusOr<Result> result = Replay(inputs, engine, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(engine.times, ElementsAre(ToTime(0), ToTime(99 * kMillisecond), ToTime(100 * kMillisecond),
                                        ToTime(245 * kMillisecond)));
  EXPECT_THAT(engine.packets_at_take, ElementsAre(2, 3, 4));
  EXPECT_EQ(result->end, 245 * kMillisecond);
}

TEST(Replay, GapsOfYearsCostNothing) {
  // Three gaps of twenty years would be six billion slots each.
  TempFile file = CaptureAt({0, 20 * kYear, 40 * kYear, 60 * kYear});
  std::vector<Input> inputs = LoadOne(file.path());
  FakeEngine engine;
  absl::StatusOr<Result> result = Replay(inputs, engine, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(engine.packets_at_take, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(engine.times.back(), ToTime(60 * kYear));
}

TEST(Replay, CountsByFileAndLabel) {
  TempFile file = CaptureAt({0, 1, 2});
  std::vector<Input> inputs = Load(
      {{file.path(), Label::kAttack, 2}, {file.path(), Label::kClean, 1}, {"/nonexistent.pcap", Label::kClean, 1}}, {});
  FakeEngine engine;
  engine.judge = [](size_t count) {
    return datapath::Verdict{
        .dropped = count <= 2, .reason = BW_REASON_DROP_SOURCE_BLOCKED, .vector = BW_VECTOR_UDP_DNS};
  };
  absl::StatusOr<Result> result = Replay(inputs, engine, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->of(Label::kAttack).packets, 6u);
  EXPECT_EQ(result->of(Label::kAttack).bytes, 6u * 36);
  EXPECT_EQ(result->of(Label::kAttack).dropped_packets, 1u);
  EXPECT_EQ(result->of(Label::kClean).packets, 3u);
  EXPECT_EQ(result->of(Label::kClean).dropped_packets, 1u);
  ASSERT_EQ(result->files.size(), 3u);
  EXPECT_EQ(result->files[0].packets, 6u);
  EXPECT_EQ(result->files[0].dropped_packets, 1u);
  EXPECT_EQ(result->files[1].dropped_packets, 1u);
  EXPECT_FALSE(result->files[2].status.ok());
  EXPECT_FALSE(result->ok());
}

TEST(Replay, NamesThePacketThatAnEngineFailedOn) {
  TempFile file = CaptureAt({0, 1, 2});
  std::vector<Input> inputs = LoadOne(file.path());
  FakeEngine engine;
  engine.judge = [](size_t count) -> absl::StatusOr<datapath::Verdict> {
    if (count == 2) return absl::InternalError("broken");
    return datapath::Verdict{};
  };
  absl::StatusOr<Result> result = Replay(inputs, engine, {});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()),
              ::testing::AllOf(HasSubstr("packet 2 of " + file.path()), HasSubstr("broken"),
                               HasSubstr("0000  02 02 02 02 02 02 02 02 02 02 02 02 08 00 45 00")));
}

TEST(Replay, FailsWhenNothingCanBeInstalled) {
  TempFile file = CaptureAt({0});
  std::vector<Input> inputs = LoadOne(file.path());
  FakeEngine engine;
  engine.install = [](size_t) { return absl::ResourceExhaustedError("too many policies"); };
  EXPECT_EQ(Replay(inputs, engine, {}).status().message(), "too many policies");
}

TEST(Replay, WithoutPacketsIsEmpty) {
  TempFile file = CaptureAt({});
  std::vector<Input> inputs = LoadOne(file.path());
  FakeEngine engine;
  absl::StatusOr<Result> result = Replay(inputs, engine, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->ok());
  EXPECT_EQ(result->of(Label::kAttack).packets, 0u);
  EXPECT_TRUE(engine.packets_at_take.empty());
}

// Two engines that differ from the third packet on.
std::unique_ptr<FakeEngine> Judging(size_t dropped_from) {
  auto engine = std::make_unique<FakeEngine>();
  engine->judge = [dropped_from](size_t count) {
    datapath::Verdict verdict{.vector = BW_VECTOR_UDP_DNS};
    if (count >= dropped_from) verdict = {.dropped = true, .reason = BW_REASON_DROP_RULE, .vector = BW_VECTOR_UDP_DNS};
    return verdict;
  };
  return engine;
}

TEST(CompareEngine, StopsAtTheFirstDifference) {
  TempFile file = CaptureAt({0, 1, 2, 3});
  for (size_t second_drops_from : {size_t{3}, size_t{4}}) {
    CompareEngine engine(Judging(3), "native", Judging(second_drops_from), "kernel");
    std::vector<Input> inputs = LoadOne(file.path());
    absl::StatusOr<Result> result = Replay(inputs, engine, {});
    ASSERT_EQ(result.ok(), second_drops_from == 3) << result.status();
    if (result.ok()) continue;
    EXPECT_THAT(std::string(result.status().message()),
                ::testing::AllOf(HasSubstr("packet 3 of "), HasSubstr("native: drop (drop_rule, udp.dns"),
                                 HasSubstr("kernel: pass (pass_no_policy, udp.dns")));
  }
}

class CountingEngine : public FakeEngine {
 public:
  explicit CountingEngine(uint64_t packets) : packets_(packets) {}
  absl::StatusOr<datapath::SlotCounters> TakeCounters() override {
    datapath::SlotCounters counters;
    counters.hosts.push_back({net::IpAddress::FromV4(1), BW_VECTOR_UDP_DNS, {.packets = packets_}});
    return counters;
  }

 private:
  uint64_t packets_;
};

TEST(CompareEngine, ComparesCounts) {
  CompareEngine same(std::make_unique<CountingEngine>(5), "a", std::make_unique<CountingEngine>(5), "b");
  EXPECT_TRUE(same.TakeCounters().ok());
  CompareEngine different(std::make_unique<CountingEngine>(5), "a", std::make_unique<CountingEngine>(6), "b");
  EXPECT_THAT(std::string(different.TakeCounters().status().message()), HasSubstr("host 0.0.0.1 udp.dns: 5 packets"));
}

TEST(CompareEngine, ComparesInstalls) {
  auto failing = std::make_unique<FakeEngine>();
  failing->install = [](size_t count) { return count == 2 ? absl::InternalError("no room") : absl::OkStatus(); };
  CompareEngine engine(std::make_unique<FakeEngine>(), "a", std::move(failing), "b");
  EXPECT_TRUE(engine.Install({.revision = 1}).ok());
  EXPECT_TRUE(engine.Process({}, ToTime(0)).ok());
  EXPECT_TRUE(engine.Install({.revision = 2}).ok());
  EXPECT_THAT(std::string(engine.Process({}, ToTime(0)).status().message()),
              ::testing::AllOf(HasSubstr("revision 2"), HasSubstr("no room")));
}

}  // namespace
}  // namespace breakwater::replay
