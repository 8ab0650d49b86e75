// Two engines as one that fails at their first difference: the proof that they agree on every packet of a replay.
//
//   CompareEngine engine(*NewNativeEngine({}), "native", *NewKernelEngine({}), "kernel");
//   Replay(inputs, engine, settings);    // an error names the packet and both verdicts
//
// The first engine's counters and samples are what the control sees. Not thread-safe.
#ifndef BREAKWATER_EDGE_REPLAY_COMPARE_H_
#define BREAKWATER_EDGE_REPLAY_COMPARE_H_

#include <memory>
#include <span>
#include <string>

#include "edge/datapath/datapath.h"

namespace breakwater::replay {

class CompareEngine : public datapath::Engine {
 public:
  CompareEngine(std::unique_ptr<datapath::Engine> first, std::string first_name,
                std::unique_ptr<datapath::Engine> second, std::string second_name);

  absl::StatusOr<datapath::InstallReport> Install(const datapath::Ruleset& ruleset) override;
  // Also compares every exact count; samples may differ in order only, so they aren't compared.
  absl::StatusOr<datapath::SlotCounters> TakeCounters() override;
  absl::Status SetPanic(bool on) override;
  absl::StatusOr<datapath::Verdict> Process(std::span<const uint8_t> frame, absl::Time now) override;

 private:
  std::unique_ptr<datapath::Engine> first_;
  std::unique_ptr<datapath::Engine> second_;
  std::string first_name_;
  std::string second_name_;
  absl::Status difference_;  // between two installs
};

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_COMPARE_H_
