// What a packet costs in the kernel, as BPF_PROG_TEST_RUN measures it (an empty program reads 6 ns). The live program, one
// hot packet, samples on. Needs CAP_BPF and CAP_NET_ADMIN.
//
//   datapath_kernel_bench
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>
#include <time.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "edge/datapath/driver.h"
#include "edge/datapath/kernel_tables.h"
#include "edge/datapath/packet_builder.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

class Kernel final : public Backend {
 public:
  explicit Kernel(std::unique_ptr<KernelTables> kernel) : kernel_(std::move(kernel)) {}
  bw_tables& tables() override { return kernel_->tables(); }
  uint32_t cpus() const override { return kCpus; }
  void WaitForReaders() override {}
  void ForEachSample(const std::function<void(const bw_sample&)>& take) override { kernel_->ForEachSample(take); }
  uint64_t Now() const override { return 0; }
  absl::Time ToTime(uint64_t) const override { return absl::UnixEpoch(); }
  int program() const { return kernel_->program(); }

  static constexpr uint32_t kCpus = 64;

 private:
  std::unique_ptr<KernelTables> kernel_;
};

void Measure(benchmark::State& state, const Ruleset& ruleset, const Bytes& frame, uint32_t expected) {
  absl::StatusOr<std::unique_ptr<KernelTables>> tables =
      KernelTables::Load({.fed = false, .cpus = Kernel::kCpus, .host_sets = 2048}, "this benchmark");
  if (!tables.ok()) {
    state.SkipWithError(std::string(tables.status().message()).c_str());
    return;
  }
  Kernel kernel(*std::move(tables));
  Driver driver(kernel, 1);
  if (!driver.Install(ruleset).ok()) state.SkipWithError("the ruleset isn't accepted");
  constexpr uint32_t kRepeat = 200'000;
  for (auto _ : state) {
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame.data(), .data_size_in = static_cast<uint32_t>(frame.size()),
                .repeat = kRepeat);
    if (bpf_prog_test_run_opts(kernel.program(), &run) != 0 || run.retval != expected)
      state.SkipWithError("another verdict than expected");
    state.SetIterationTime(run.duration * 1e-9);  // of one packet
    driver.TakeCounters();
  }
}

Bytes Syn(std::string_view source, std::string_view destination) {
  return Frame({.source = Ip(source), .destination = Ip(destination), .protocol = 6},
               Tcp({.source_port = 40000, .destination_port = 443, .flags = 2}, Bytes(6)));
}

Ruleset Protected(int64_t rules, bool narrow) {
  Ruleset ruleset{.revision = 1, .policies = {Web("203.0.113.0/24"), Web("2001:db8::/32")}};
  ruleset.sources = {{.prefix = Prefix("198.51.100.66/32")}, {.prefix = Prefix("198.18.0.0/24")}};
  for (int64_t i = 0; i < rules; i++) {
    const std::string destination = narrow ? absl::StrCat("ip.dst == 203.0.113.", 100 + i % 100, " and ") : "";
    ruleset.rules.push_back(Rule(absl::StrCat("r", i), static_cast<uint32_t>(i),
                                 absl::StrCat(destination, "tcp.flags == syn and tcp.window == ", 1 + i)));
  }
  return ruleset;
}

void BM_Unprotected(benchmark::State& state) {
  Measure(state, Protected(10, true), Syn("198.51.100.9", "192.0.2.1"), XDP_PASS);
}
void BM_BlockedSource(benchmark::State& state) {
  Measure(state, Protected(10, true), Syn("198.51.100.66", "203.0.113.7"), XDP_DROP);
}
void BM_CleanNarrowRules(benchmark::State& state) {
  Measure(state, Protected(state.range(0), true), Syn("198.51.100.9", "203.0.113.7"), XDP_PASS);
}
void BM_CleanWideRules(benchmark::State& state) {
  Measure(state, Protected(state.range(0), false), Syn("198.51.100.9", "203.0.113.7"), XDP_PASS);
}
void BM_CleanV6(benchmark::State& state) {
  Measure(state, Protected(10, true), Syn("2001:db8:1::9", "2001:db8::7"), XDP_PASS);
}
BENCHMARK(BM_Unprotected)->UseManualTime();
BENCHMARK(BM_BlockedSource)->UseManualTime();
BENCHMARK(BM_CleanNarrowRules)->UseManualTime()->Arg(0)->Arg(10)->Arg(100);
BENCHMARK(BM_CleanWideRules)->UseManualTime()->Arg(10)->Arg(100);
BENCHMARK(BM_CleanV6)->UseManualTime();

}  // namespace
}  // namespace breakwater::datapath
