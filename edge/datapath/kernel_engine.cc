#include <bpf/bpf.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/driver.h"
#include "edge/datapath/engine_options.h"
#include "edge/datapath/fed_clock.h"
#include "edge/datapath/kernel_tables.h"

namespace breakwater::datapath {
namespace {

class KernelEngine final : public Engine, private Backend {
 public:
  explicit KernelEngine(std::unique_ptr<KernelTables> kernel) : kernel_(std::move(kernel)), driver_(*this, kFedSeed) {}

  absl::StatusOr<InstallReport> Install(const Ruleset& ruleset) override { return driver_.Install(ruleset); }
  absl::StatusOr<SlotCounters> TakeCounters() override { return driver_.TakeCounters(); }
  absl::Status SetPanic(bool on) override {
    driver_.SetPanic(on);
    return absl::OkStatus();
  }

  absl::StatusOr<Verdict> Process(std::span<const uint8_t> frame, absl::Time now) override {
    if (frame.size() < BW_MIN_FRAME) return TooShort();
    kernel_->tables().settings->now = clock_.At(now);
    // One run a call: the kernel adds a fixed cost of milliseconds to a call that repeats.
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame.data(),
                .data_size_in = static_cast<uint32_t>(std::min<size_t>(frame.size(), BW_MAX_FRAME)), .repeat = 1);
    if (const int error = bpf_prog_test_run_opts(kernel_->program(), &run); error != 0)
      return absl::ErrnoToStatus(-error,
                                 absl::StrCat("running the packet filter on a frame of ", frame.size(), " bytes"));
    std::atomic_signal_fence(std::memory_order_acquire);  // the kernel has written it
    return VerdictOf(*kernel_->tables().result);
  }

 private:
  bw_tables& tables() override { return kernel_->tables(); }
  uint32_t cpus() const override { return 1; }
  void WaitForReaders() override {}  // packets are judged by the thread that installs
  void ForEachSample(const std::function<void(const bw_sample&)>& take) override { kernel_->ForEachSample(take); }
  uint64_t Now() const override { return kernel_->tables().settings->now; }
  absl::Time ToTime(uint64_t datapath_time) const override { return clock_.ToTime(datapath_time); }

  std::unique_ptr<KernelTables> kernel_;
  FedClock clock_;
  Driver driver_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> NewKernelEngine(const EngineOptions& options) {
  absl::StatusOr<uint32_t> sets = HostSets(options);
  if (!sets.ok()) return sets.status();
  absl::StatusOr<std::unique_ptr<KernelTables>> kernel =
      KernelTables::Load({.fed = true, .cpus = 1, .host_sets = *sets}, "the kernel engine");
  if (!kernel.ok()) return kernel.status();
  return std::make_unique<KernelEngine>(*std::move(kernel));
}

}  // namespace breakwater::datapath
