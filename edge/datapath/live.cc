#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "edge/datapath/capability.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/driver.h"
#include "edge/datapath/engine_options.h"
#include "edge/datapath/kernel_tables.h"
#include "edge/datapath/xdp_link.h"

namespace breakwater::datapath {
namespace {

uint64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);  // the clock the packet filter reads
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

class Live final : public LiveDatapath, private Backend {
 public:
  Live(std::unique_ptr<KernelTables> kernel, uint32_t cpus, uint64_t seed, AttachMode mode)
      : kernel_(std::move(kernel)), cpus_(cpus), mode_(mode), driver_(*this, seed) {}

  absl::Status Attach(const std::string& interface) {
    absl::StatusOr<XdpLink> link = XdpLink::Attach(kernel_->program(), interface, mode_);
    if (!link.ok()) return link.status();
    interfaces_.push_back({interface, *std::move(link), ""});
    return absl::OkStatus();
  }

  absl::StatusOr<InstallReport> Install(const Ruleset& ruleset) override { return driver_.Install(ruleset); }
  absl::StatusOr<SlotCounters> TakeCounters() override { return driver_.TakeCounters(); }
  absl::Status SetPanic(bool on) override {
    driver_.SetPanic(on);
    return absl::OkStatus();
  }

  std::vector<AttachedInterface> RefreshInterfaces() override {
    std::vector<AttachedInterface> now;
    for (Interface& interface : interfaces_) {
      if (interface.link && !interface.link->alive()) interface.link.reset();
      if (!interface.link) {
        absl::StatusOr<XdpLink> again = XdpLink::Attach(kernel_->program(), interface.name, mode_);
        if (again.ok()) {
          interface.link = *std::move(again);
        } else {
          interface.note = std::string(again.status().message());
        }
      }
      const bool present = interface.link.has_value();
      now.push_back({.name = interface.name,
                     .index = present ? interface.link->index() : 0,
                     .mode = present ? interface.link->mode() : mode_,
                     .present = present,
                     .note = present ? interface.link->note() : interface.note});
    }
    return now;
  }

 private:
  struct Interface {
    std::string name;
    std::optional<XdpLink> link;
    std::string note;  // why there is no link
  };

  bw_tables& tables() override { return kernel_->tables(); }
  uint32_t cpus() const override { return cpus_; }
  void WaitForReaders() override {
    // The packet filter runs inside of RCU read sections; this barrier waits for all of them. Kernels with isolated CPUs
    // don't offer it: there, a packet that takes longer than this is unheard of.
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) absl::SleepFor(absl::Milliseconds(20));
  }
  void ForEachSample(const std::function<void(const bw_sample&)>& take) override { kernel_->ForEachSample(take); }
  uint64_t Now() const override { return MonotonicNs(); }
  absl::Time ToTime(uint64_t datapath_time) const override {
    return absl::Now() - absl::Nanoseconds(static_cast<int64_t>(MonotonicNs() - datapath_time));
  }

  std::unique_ptr<KernelTables> kernel_;
  const uint32_t cpus_;
  const AttachMode mode_;
  Driver driver_;
  std::vector<Interface> interfaces_;  // last: detached before anything else goes
};

}  // namespace

absl::StatusOr<std::unique_ptr<LiveDatapath>> AttachLive(const LiveOptions& options) {
  if (options.interfaces.empty()) return absl::InvalidArgumentError("no network interface is named to protect");
  absl::StatusOr<uint32_t> sets = HostSets(options.engine);
  if (!sets.ok()) return sets.status();
  if (absl::Status s = CheckCapabilities("the live datapath"); !s.ok()) return s;
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 1) return absl::ErrnoToStatus(-cpus, "counting the CPUs");
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) return absl::ErrnoToStatus(errno, "reading random bytes");
  absl::StatusOr<std::unique_ptr<KernelTables>> kernel =
      KernelTables::Load({.fed = false, .cpus = static_cast<uint32_t>(cpus), .host_sets = *sets}, "the live datapath");
  if (!kernel.ok()) return kernel.status();
  auto live = std::make_unique<Live>(*std::move(kernel), static_cast<uint32_t>(cpus), seed, options.mode);
  for (const std::string& interface : options.interfaces) {
    if (absl::Status s = live->Attach(interface); !s.ok()) return s;
  }
  return live;
}

}  // namespace breakwater::datapath
