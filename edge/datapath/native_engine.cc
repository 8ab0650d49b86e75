#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/driver.h"
#include "edge/datapath/engine_options.h"
#include "edge/datapath/fed_clock.h"
#include "edge/datapath/native_tables.h"

namespace breakwater::datapath {
namespace {

class NativeEngine final : public Engine, private Backend {
 public:
  explicit NativeEngine(uint32_t host_sets) : tables_(host_sets), driver_(*this, kFedSeed) {}

  absl::StatusOr<InstallReport> Install(const Ruleset& ruleset) override { return driver_.Install(ruleset); }
  absl::StatusOr<SlotCounters> TakeCounters() override { return driver_.TakeCounters(); }
  absl::Status SetPanic(bool on) override {
    driver_.SetPanic(on);
    return absl::OkStatus();
  }

  absl::StatusOr<Verdict> Process(std::span<const uint8_t> frame, absl::Time now) override {
    if (frame.size() < BW_MIN_FRAME) return TooShort();
    tables_.tables().settings->now = clock_.At(now);
    bw_native_run(tables_.env(), frame.data(), static_cast<uint32_t>(std::min<size_t>(frame.size(), BW_MAX_FRAME)));
    return VerdictOf(*tables_.tables().result);
  }

 private:
  bw_tables& tables() override { return tables_.tables(); }
  uint32_t cpus() const override { return 1; }
  void WaitForReaders() override {}  // packets are judged by the thread that installs
  void ForEachSample(const std::function<void(const bw_sample&)>& take) override {
    bw_native* env = tables_.env();
    for (uint32_t i = 0; i < env->sample_count; i++) take(env->samples[i]);
    env->sample_count = 0;
  }
  uint64_t Now() const override { return const_cast<NativeTables&>(tables_).tables().settings->now; }
  absl::Time ToTime(uint64_t datapath_time) const override { return clock_.ToTime(datapath_time); }

  NativeTables tables_;
  FedClock clock_;
  Driver driver_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> NewNativeEngine(const EngineOptions& options) {
  absl::StatusOr<uint32_t> sets = HostSets(options);
  if (!sets.ok()) return sets.status();
  return std::make_unique<NativeEngine>(*sets);
}

}  // namespace breakwater::datapath
