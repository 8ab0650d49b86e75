// What a packet costs in the native engine, and what a look at the counters costs.
//
//   datapath_bench --benchmark_filter=Process
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/packet_builder.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

// Packets from many sources to 64 protected hosts: half SYNs, half DNS replies.
std::vector<Bytes> Traffic() {
  std::mt19937 random(1);
  std::vector<Bytes> frames;
  for (int i = 0; i < 4096; i++) {
    const auto source = net::IpAddress::FromV4(0xc6120000u + static_cast<uint32_t>(random() % 65536));
    const auto destination = net::IpAddress::FromV4(0xcb007100u + static_cast<uint32_t>(random() % 64));
    IpHeader ip{.source = source, .destination = destination, .protocol = 6};
    if (i % 2 == 0) {
      frames.push_back(
          Frame(ip, Tcp({.source_port = static_cast<uint16_t>(random()), .destination_port = 443, .flags = 2}, {})));
    } else {
      ip.protocol = 17;
      frames.push_back(Frame(ip, Udp(53, static_cast<uint16_t>(random()), Bytes(600))));
    }
  }
  return frames;
}

// rules: none matches, each is looked at for a 64th of the packets or for all of them.
Ruleset Rules(int64_t rules, bool narrow) {
  Ruleset ruleset{.revision = 1, .policies = {Open("203.0.113.0/24")}};
  for (int64_t i = 0; i < rules; i++) {
    const std::string destination = narrow ? absl::StrCat("ip.dst == 203.0.113.", i % 64, " and ") : "";
    ruleset.rules.push_back(Rule(absl::StrCat("r", i), static_cast<uint32_t>(i),
                                 absl::StrCat(destination, "udp.srcport == 53 and ip.len > ", 900 + i)));
  }
  return ruleset;
}

void Process(benchmark::State& state, absl::StatusOr<std::unique_ptr<Engine>> engine, const Ruleset& ruleset) {
  if (!engine.ok() || !(*engine)->Install(ruleset).ok()) {
    state.SkipWithError(std::string(engine.status().message()).c_str());
    return;
  }
  const std::vector<Bytes> frames = Traffic();
  size_t i = 0;
  for (auto _ : state) {
    // A million packets per second, counters taken every 100 ms, as replay does.
    benchmark::DoNotOptimize((*engine)->Process(frames[i % frames.size()], kStart + absl::Microseconds(i)));
    if (++i % 100'000 == 0) benchmark::DoNotOptimize((*engine)->TakeCounters());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}

void BM_ProcessNativeNarrowRules(benchmark::State& state) {
  Process(state, NewNativeEngine({}), Rules(state.range(0), true));
}
BENCHMARK(BM_ProcessNativeNarrowRules)->Arg(0)->Arg(4)->Arg(16)->Arg(64)->Arg(256);

void BM_ProcessNativeWideRules(benchmark::State& state) {
  Process(state, NewNativeEngine({}), Rules(state.range(0), false));
}
BENCHMARK(BM_ProcessNativeWideRules)->Arg(4)->Arg(16)->Arg(256);

// Needs CAP_BPF and CAP_NET_ADMIN. The cost of the system call is included.
void BM_ProcessKernel(benchmark::State& state) { Process(state, NewKernelEngine({}), Rules(state.range(0), true)); }
BENCHMARK(BM_ProcessKernel)->Arg(4);

// A full host table, of which all hosts, or one in 64, or one, each with a sample, got a packet since the last look.
void BM_TakeCounters(benchmark::State& state) {
  std::unique_ptr<Engine> engine = *NewNativeEngine({});
  if (!engine->Install({.revision = 1, .policies = {Open("198.18.0.0/15")}}).ok()) return;
  std::vector<Bytes> frames;
  for (uint32_t i = 0; i < 20'000; i++) {
    const auto destination = net::IpAddress::FromV4(0xc6120000u + i);
    frames.push_back(Frame({.source = Ip("192.0.2.1"), .destination = destination, .protocol = 47}, {}));
  }
  absl::Time now = kStart;
  for (const Bytes& frame : frames) benchmark::DoNotOptimize(engine->Process(frame, now));
  benchmark::DoNotOptimize(engine->TakeCounters());
  for (auto _ : state) {
    state.PauseTiming();
    now += absl::Seconds(1);
    for (size_t i = 0; i < frames.size(); i += static_cast<size_t>(state.range(0)))
      benchmark::DoNotOptimize(engine->Process(frames[i], now));
    state.ResumeTiming();
    benchmark::DoNotOptimize(engine->TakeCounters());
  }
}
BENCHMARK(BM_TakeCounters)->Arg(1)->Arg(64)->Arg(20'000)->Unit(benchmark::kMicrosecond);

void BM_Install(benchmark::State& state) {
  std::unique_ptr<Engine> engine = *NewNativeEngine({});
  const Ruleset ruleset = Rules(state.range(0), true);
  for (auto _ : state) benchmark::DoNotOptimize(engine->Install(ruleset));
}
BENCHMARK(BM_Install)->Arg(4)->Arg(256)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace breakwater::datapath
