// What a window costs to carry and to merge: the coordinator does both for every edge every second.
#include <random>

#include "benchmark/benchmark.h"
#include "common/window/testing.h"
#include "common/window/window_wire.h"

namespace breakwater::window {
namespace {

Window Example(uint64_t seed) {
  std::mt19937_64 random(seed);
  return testing::RandomWindow(random, {.hosts = 100, .samples = 20, .boot_id = seed});
}

void WindowSerialize(benchmark::State& state) {
  const Window w = Example(1);
  size_t bytes = 0;
  for (auto _ : state) bytes = Serialize(w)->size();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(WindowSerialize)->Unit(benchmark::kMicrosecond);

void WindowParse(benchmark::State& state) {
  const std::string bytes = *Serialize(Example(1));
  for (auto _ : state) benchmark::DoNotOptimize(Parse(bytes));
}
BENCHMARK(WindowParse)->Unit(benchmark::kMicrosecond);

void WindowMerge(benchmark::State& state) {
  const Window a = Example(1);
  const Window b = Example(2);
  for (auto _ : state) benchmark::DoNotOptimize(Merge(a, b, {}));
}
BENCHMARK(WindowMerge)->Unit(benchmark::kMicrosecond);

void SlotTopN(benchmark::State& state) {
  std::mt19937_64 random(1);
  const Slot slot = testing::RandomSlot(random, 4000);
  for (auto _ : state) benchmark::DoNotOptimize(TopN(slot, {}));
}
BENCHMARK(SlotTopN)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace breakwater::window
