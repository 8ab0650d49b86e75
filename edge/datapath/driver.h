// What the three datapaths share: filling the tables of the packet filter and reading its counters. They differ only in
// where the tables are, how time is told and how samples arrive (Backend).
//
//   Driver driver(backend);                            // backend outlives driver
//   absl::StatusOr<InstallReport> r = driver.Install(ruleset);
//   SlotCounters c = driver.TakeCounters();
//
// One thread. The packet filter may run meanwhile, on other CPUs: a swap is one store, counters are read without locks.
#ifndef BREAKWATER_EDGE_DATAPATH_DRIVER_H_
#define BREAKWATER_EDGE_DATAPATH_DRIVER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/filter/native.h"
#include "edge/datapath/generation.h"
#include "edge/datapath/golden.h"

namespace breakwater::datapath {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual bw_tables& tables() = 0;
  virtual uint32_t cpus() const = 0;
  // Returns once no packet is being judged by what was in force before the last swap.
  virtual void WaitForReaders() = 0;
  virtual void ForEachSample(const std::function<void(const bw_sample&)>& take) = 0;
  // The datapath's clock, in nanoseconds, and what it means.
  virtual uint64_t Now() const = 0;
  virtual absl::Time ToTime(uint64_t datapath_time) const = 0;
};

class Driver {
 public:
  // seed: of the hash functions, secret when live.
  Driver(Backend& backend, uint64_t seed);

  absl::StatusOr<InstallReport> Install(const Ruleset& ruleset);
  SlotCounters TakeCounters();
  void SetPanic(bool on);

 private:
  // What was read last, so that the next call can say what is new.
  struct SeenHost {
    uint32_t version = 0;
    window::Counts counts;
  };
  struct SeenSet {
    uint32_t changes = 0;
    std::array<SeenHost, BW_HOST_WAYS> way;
  };

  absl::StatusOr<Compiled> CompileChecked(Ruleset ruleset);
  void ForgetPolicyCounts(const PolicySlots& before, const PolicySlots& now);
  void TakeHosts(SlotCounters& out);
  void TakeOthers(SlotCounters& out);
  void TakePolicies(SlotCounters& out);
  void TakeRules(SlotCounters& out);
  void TakeReasons(SlotCounters& out);
  void TakeSamples(SlotCounters& out);
  window::Counts NewPolicyCounts(uint32_t slot, uint32_t vector);

  Backend& backend_;
  GoldenCheck golden_;
  PolicySlots policy_slots_;
  std::vector<uint32_t> slot_of_policy_;  // by index in the installed ruleset
  std::vector<uint32_t> rule_slots_;      // ever installed, sorted
  std::vector<SeenSet> seen_hosts_;
  std::vector<window::Counts> seen_others_;
  std::vector<window::Counts> seen_policies_;
  std::vector<window::Counts> seen_rules_;
  std::vector<window::Counts> seen_reasons_;
  uint64_t seen_lost_ = 0;
  size_t last_hosts_ = 0;
  size_t last_samples_ = 0;
};

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_DRIVER_H_
