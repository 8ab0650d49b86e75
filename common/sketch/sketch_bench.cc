// What it costs to feed and to merge a sketch.
#include <array>
#include <random>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/sketch/hyperloglog.h"
#include "common/sketch/misra_gries.h"

namespace breakwater::sketch {
namespace {

// Every second packet from one of 500 heavy sources, the others from anywhere.
std::vector<uint64_t> Sources(uint64_t seed, size_t n) {
  std::mt19937_64 random(seed);
  std::vector<uint64_t> keys(n);
  for (uint64_t& key : keys) key = random() % 2 == 0 ? random() % 500 : random();
  return keys;
}

void MisraGriesAdd(benchmark::State& state) {
  const std::vector<uint64_t> keys = Sources(1, 1 << 16);
  MisraGries<uint64_t> sketch(static_cast<uint32_t>(state.range(0)));
  size_t i = 0;
  for (auto _ : state) sketch.Add(keys[i++ & 0xffff]);
}
BENCHMARK(MisraGriesAdd)->Arg(256)->Arg(1024);

void MisraGriesMerge(benchmark::State& state) {
  const auto k = static_cast<uint32_t>(state.range(0));
  MisraGries<uint64_t> a(k);
  MisraGries<uint64_t> b(k);
  for (uint64_t key : Sources(1, 20000)) a.Add(key);
  for (uint64_t key : Sources(2, 20000)) b.Add(key);
  a.Compact();
  b.Compact();
  for (auto _ : state) {
    MisraGries<uint64_t> merged = a;
    benchmark::DoNotOptimize(merged.Merge(b));
  }
}
BENCHMARK(MisraGriesMerge)->Arg(256)->Arg(1024);

void HyperLogLogAdd(benchmark::State& state) {
  HyperLogLog sketch(1);
  std::array<uint8_t, 16> key{};
  for (auto _ : state) {
    ++key[0];
    key[1] = static_cast<uint8_t>(key[1] + key[0]);
    sketch.Add(key);
  }
}
BENCHMARK(HyperLogLogAdd);

void HyperLogLogMerge(benchmark::State& state) {
  HyperLogLog a(1);
  HyperLogLog b(1);
  for (uint8_t i = 0; i < 200; ++i) a.Add(std::array<uint8_t, 1>{i});
  for (uint8_t i = 100; i < 250; ++i) b.Add(std::array<uint8_t, 1>{i});
  for (auto _ : state) benchmark::DoNotOptimize(a.Merge(b));
}
BENCHMARK(HyperLogLogMerge);

void HyperLogLogEstimate(benchmark::State& state) {
  HyperLogLog sketch(1);
  for (uint8_t i = 0; i < 200; ++i) sketch.Add(std::array<uint8_t, 1>{i});
  for (auto _ : state) benchmark::DoNotOptimize(sketch.Estimate());
}
BENCHMARK(HyperLogLogEstimate);

}  // namespace
}  // namespace breakwater::sketch
