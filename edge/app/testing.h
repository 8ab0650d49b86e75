// A whole edge in a test: the daemon on the native packet filter, a clock that stands still until told, a disk in memory,
// and traffic. Only for tests.
//
//   TestEdge edge;
//   edge.Start();
//   edge.Run(absl::Seconds(2), {.syn_flood_pps = 20000});
//   edge.daemon().Rules();
#ifndef BREAKWATER_EDGE_APP_TESTING_H_
#define BREAKWATER_EDGE_APP_TESTING_H_

#include <memory>
#include <string>
#include <vector>

#include "common/service/fake_files.h"
#include "edge/app/daemon.h"

namespace breakwater::app {

// The native engine with interfaces that exist as the test says, and failures on demand.
class TestDatapath : public datapath::LiveDatapath {
 public:
  TestDatapath();
  absl::StatusOr<datapath::InstallReport> Install(const datapath::Ruleset& ruleset) override;
  absl::StatusOr<datapath::SlotCounters> TakeCounters() override;
  absl::Status SetPanic(bool on) override;
  std::vector<datapath::AttachedInterface> RefreshInterfaces() override {
    return {{"eth0", 2, datapath::AttachMode::kNative, present}};
  }

  bool present = true;
  absl::Status install_result, counters_result, panic_result;
  std::string refuse;  // a rule's id
  datapath::Ruleset installed;
  int installs = 0;
  bool panic = false;
  std::unique_ptr<datapath::Engine> engine;
};

struct TestTraffic {
  int syn_flood_pps = 0;  // bare SYNs to 203.0.113.7:443 from many sources
  int clean_pps = 20;     // ordinary TCP data to the same place
};

class TestEdge {
 public:
  static constexpr std::string_view kConfig =
      "edge: {id: test}\n"
      "interfaces: [eth0]\n"
      "protect: [{prefix: 203.0.113.0/24, services: [tcp/443]}]\n"
      "http: {listen: off}\n";

  explicit TestEdge(std::string_view config = kConfig);
  ~TestEdge();

  // Loads what is on disk and starts the daemon, as a new process would.
  void Start();
  // The process ends: the datapath detaches, what waits is written.
  void Stop();
  // One slot's traffic, then its time; the daemon doesn't look. Returns how many packets of the flood were dropped.
  int Send(TestTraffic traffic);
  // Time passes slot by slot with traffic, and the daemon looks after each. Returns how many packets of the flood were dropped.
  int Run(absl::Duration time, TestTraffic traffic = {});
  void Flush() { (void)writer_->Flush(absl::Seconds(10)); }

  const std::string& config() const { return config_; }
  Daemon& daemon() { return *daemon_; }
  TestDatapath& datapath() { return *datapath_; }
  EdgeMetrics& metrics() { return *metrics_; }
  const metrics::Registry& registry() const { return *registry_; }
  std::string MetricsText() const { return registry_->Text(); }
  service::Health& health() { return *health_; }

  absl::Status first_install;  // what the datapath of the next Start() answers
  clock::FakeClock clock{absl::FromUnixSeconds(1700000000)};
  service::FakeFiles files;

 private:
  std::string config_;
  std::unique_ptr<TestDatapath> datapath_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<EdgeMetrics> metrics_;
  std::unique_ptr<service::Health> health_;
  std::unique_ptr<StateWriter> writer_;
  std::unique_ptr<Daemon> daemon_;
  uint32_t sequence_ = 0;
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_TESTING_H_
