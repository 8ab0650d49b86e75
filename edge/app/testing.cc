#include "edge/app/testing.h"

#include "edge/datapath/packet_builder.h"
#include "gtest/gtest.h"

namespace breakwater::app {
namespace {

using datapath::Bytes;

const net::IpAddress kVictim = *net::IpAddress::Parse("203.0.113.7");
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kAck = 0x10;

// splitmix64: fields that a flood tool draws at random.
uint64_t Random(uint64_t n) {
  n += 0x9e3779b97f4a7c15;
  n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
  n = (n ^ n >> 27) * 0x94d049bb133111eb;
  return n ^ n >> 31;
}

Bytes FloodFrame(uint32_t n) {
  const uint64_t r = Random(n);
  // Spoofed sources of the benchmark range; a window no ordinary client sends.
  const net::IpAddress source = net::IpAddress::FromV4(0xc6120000 | (r & 0x1ffff));
  return datapath::Frame({.source = source, .destination = kVictim, .protocol = 6, .ttl = 244},
                         datapath::Tcp({.source_port = static_cast<uint16_t>(r >> 17),
                                        .destination_port = 443,
                                        .seq = static_cast<uint32_t>(r >> 32),
                                        .flags = kSyn,
                                        .window = 512},
                                       {}));
}

Bytes CleanFrame(uint32_t n) {
  const net::IpAddress source = net::IpAddress::FromV4(0xc0000200 | n % 50);
  return datapath::Frame({.source = source, .destination = kVictim, .protocol = 6, .ttl = 57},
                         datapath::Tcp({.source_port = static_cast<uint16_t>(32768 + n % 50),
                                        .destination_port = 443,
                                        .seq = n,
                                        .ack = n,
                                        .flags = kAck,
                                        .window = 64240},
                                       Bytes(n % 1000, 0x17)));
}

}  // namespace

TestDatapath::TestDatapath() : engine(*datapath::NewNativeEngine({})) {}

absl::StatusOr<datapath::InstallReport> TestDatapath::Install(const datapath::Ruleset& ruleset) {
  if (!install_result.ok()) return install_result;
  absl::StatusOr<datapath::InstallReport> report = engine->Install(ruleset);
  if (report.ok()) {
    installed = ruleset;
    ++installs;
    for (const datapath::RuleEntry& entry : ruleset.rules) {
      if (entry.rule.id == refuse) report->refused.push_back({refuse, absl::ResourceExhaustedError("tables are full")});
    }
  }
  return report;
}

absl::StatusOr<datapath::SlotCounters> TestDatapath::TakeCounters() {
  if (!counters_result.ok()) return counters_result;
  return engine->TakeCounters();
}

absl::Status TestDatapath::SetPanic(bool on) {
  if (!panic_result.ok()) return panic_result;
  panic = on;
  return engine->SetPanic(on);
}

TestEdge::TestEdge(std::string_view config) : config_(config) {}
TestEdge::~TestEdge() { Stop(); }

void TestEdge::Start() {
  const settings::LoadedConfig config = settings::ParseConfig(config_, "edge.yaml", {.now = clock.Now()});
  ASSERT_TRUE(config.config) << testing::PrintToString(config.problems);
  datapath_ = std::make_unique<TestDatapath>();
  datapath_->install_result = first_install;
  registry_ = std::make_unique<metrics::Registry>();
  metrics_ = std::make_unique<EdgeMetrics>(*registry_, config.config->live.interfaces);
  health_ = std::make_unique<service::Health>(clock);
  StateFile::Loaded loaded = StateFile(files, "/state").Load(clock.Now());
  writer_ = std::make_unique<StateWriter>(
      StateFile(files, "/state"), clock,
      StateWriter::Options{.retry_after = absl::Milliseconds(1),
                           .on_result = [this](const absl::Status& s, absl::Duration) {
                             (s.ok() ? metrics_->persists : metrics_->persist_failures).Add();
                           }});
  daemon_ = std::make_unique<Daemon>(*config.config, std::move(loaded),
                                     Daemon::Parts{clock, *datapath_, *writer_, *metrics_, *health_});
  daemon_->Start();
}

void TestEdge::Stop() {
  daemon_.reset();
  writer_.reset();
  datapath_.reset();
}

int TestEdge::Send(TestTraffic traffic) {
  int dropped = 0;
  for (int i = 0; i < traffic.syn_flood_pps / window::kSlotsPerWindow; ++i) {
    const absl::StatusOr<datapath::Verdict> v = datapath_->engine->Process(FloodFrame(++sequence_), clock.Now());
    dropped += v.ok() && v->dropped ? 1 : 0;
  }
  for (int i = 0; i < traffic.clean_pps / window::kSlotsPerWindow; ++i) {
    const absl::StatusOr<datapath::Verdict> v = datapath_->engine->Process(CleanFrame(++sequence_), clock.Now());
    EXPECT_TRUE(v.ok() && !v->dropped) << "a clean packet was dropped";
  }
  clock.Advance(window::kSlotLength);
  return dropped;
}

int TestEdge::Run(absl::Duration time, TestTraffic traffic) {
  int dropped = 0;
  for (int64_t slot = 0; slot < time / window::kSlotLength; ++slot) {
    dropped += Send(traffic);
    daemon_->Tick();
  }
  return dropped;
}

}  // namespace breakwater::app
