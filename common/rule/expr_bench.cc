// What a match costs to read, to print and to evaluate.
#include <benchmark/benchmark.h>

#include <string>

#include "common/rule/expr.h"
#include "common/rule/random_expr.h"

namespace breakwater::rule {
namespace {

constexpr std::string_view kSignature =
    "ip.dst == 203.0.113.7 and ip.len == 513..700 and ip.ttl in {54, 57..60} and udp.srcport == 53 and "
    "payload[2:2] & 80:0f == 80:00";

void BM_Parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ParseExpr(kSignature));
}
BENCHMARK(BM_Parse);

void BM_CanonicalText(benchmark::State& state) {
  const ExprPtr expr = *ParseExpr(kSignature);
  for (auto _ : state) benchmark::DoNotOptimize(CanonicalText(*expr));
}
BENCHMARK(BM_CanonicalText);

// The largest text that is accepted, made of as many comparisons as are.
void BM_ParseLargest(benchmark::State& state) {
  std::string text = "ip.id == 0";
  for (size_t i = 1; i < kMaxExprNodes - 1; ++i) text += " or payload[0:2] == 0" + std::to_string(i % 10) + ":00";
  for (auto _ : state) benchmark::DoNotOptimize(ParseExpr(text));
}
BENCHMARK(BM_ParseLargest);

void BM_Matches(benchmark::State& state) {
  const ExprPtr expr = *ParseExpr(kSignature);
  Random random(1);
  const FakePacket packet = RandomPacket(random);
  for (auto _ : state) benchmark::DoNotOptimize(Matches(*expr, packet));
}
BENCHMARK(BM_Matches);

}  // namespace
}  // namespace breakwater::rule
