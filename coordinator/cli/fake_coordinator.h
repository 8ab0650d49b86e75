// A coordinator for tests: answers what it was given, and keeps what it was asked.
//
//   FakeCoordinator coordinator;
//   coordinator.overview = ReadView<v1::OverviewView>("overview");
//   RunBwctl(words, console, coordinator.Factory());
//   EXPECT_EQ(coordinator.blocks.back().source(), "192.0.2.0/24");
#ifndef BREAKWATER_COORDINATOR_CLI_FAKE_COORDINATOR_H_
#define BREAKWATER_COORDINATOR_CLI_FAKE_COORDINATOR_H_

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/cli/admin_client.h"
#include "coordinator/cli/console.h"

namespace breakwater::cli {

struct FakeCoordinator {
  absl::Status failure;  // when not OK, what every call answers
  v1::OverviewView overview;
  v1::EdgesView edges;
  v1::AttacksView attacks;
  v1::RulesView rules;
  absl::StatusOr<v1::AttackView> attack = absl::NotFoundError("no attack with that id");
  v1::TrafficView traffic;
  v1::ExplainIpView explain;
  v1::RuleView made;                 // by create and block, once its request was filled in
  std::vector<v1::RuleView> polled;  // what GetRule answers, one after the other; the last stays
  bool endless = false;              // lists never end

  int calls = 0;
  int failing_calls = -1;  // how many calls fail before they don't any more; -1: all
  std::vector<v1::ListRulesRequest> rule_lists;
  std::vector<v1::CreateRuleRequest> creates;
  std::vector<v1::DeleteRuleRequest> deletes;
  std::vector<v1::BlockRequest> blocks;
  std::vector<v1::UnblockRequest> unblocks;
  std::vector<v1::PanicRequest> panics;
  std::vector<v1::TrafficRequest> traffics;
  std::vector<Connection> connections;
  absl::Duration timeout;

  ClientFactory Factory();
};

// A console made of strings. There is no terminal unless a test says so.
struct FakeTerminal {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  std::map<std::string, std::string, std::less<>> environment = {{"BWCTL_SERVER", "coordinator.example:7443"},
                                                                 {"BWCTL_CA", "ca.pem"},
                                                                 {"BWCTL_CERT", "alice.pem"},
                                                                 {"BWCTL_KEY", "alice.key"}};
  absl::Time now = absl::FromUnixSeconds(1893456000);  // 2030-01-01 00:00:00
  int waits = 0;                                       // how often a wait ends by time; then somebody interrupts
  std::vector<absl::Duration> waited;

  Console MakeConsole();
};

// testdata/views/NAME.txtpb; a test that can't read it fails.
void ReadView(std::string_view name, google::protobuf::Message& view);
template <typename T>
T ReadView(std::string_view name) {
  T view;
  ReadView(name, view);
  return view;
}

inline constexpr std::string_view kTestData = "coordinator/cli/testdata/";

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_FAKE_COORDINATOR_H_
