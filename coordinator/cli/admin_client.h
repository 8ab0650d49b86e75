// What bwctl asks a coordinator. One implementation speaks gRPC (grpc_client.h), the tests have another.
//
//   absl::StatusOr<v1::OverviewView> view = client.GetOverview({});
//
// Every call blocks until there is an answer or the client's timeout is over. Errors have the coordinator's code and
// message, and Unavailable says what stood in the way. Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_CLI_ADMIN_CLIENT_H_
#define BREAKWATER_COORDINATOR_CLI_ADMIN_CLIENT_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "breakwater/v1/admin.pb.h"
#include "coordinator/cli/connection.h"

namespace breakwater::cli {

class AdminClient {
 public:
  virtual ~AdminClient() = default;

  virtual absl::StatusOr<v1::OverviewView> GetOverview(const v1::OverviewRequest& request) = 0;
  virtual absl::StatusOr<v1::TrafficView> GetTraffic(const v1::TrafficRequest& request) = 0;
  virtual absl::StatusOr<v1::EdgesView> ListEdges(const v1::ListEdgesRequest& request) = 0;
  virtual absl::StatusOr<v1::EdgeView> GetEdge(const v1::GetEdgeRequest& request) = 0;
  virtual absl::StatusOr<v1::AttacksView> ListAttacks(const v1::ListAttacksRequest& request) = 0;
  virtual absl::StatusOr<v1::AttackView> GetAttack(const v1::GetAttackRequest& request) = 0;
  virtual absl::StatusOr<v1::RulesView> ListRules(const v1::ListRulesRequest& request) = 0;
  virtual absl::StatusOr<v1::RuleView> GetRule(const v1::GetRuleRequest& request) = 0;
  virtual absl::StatusOr<v1::RuleView> CreateRule(const v1::CreateRuleRequest& request) = 0;
  virtual absl::StatusOr<v1::DeleteRuleResponse> DeleteRule(const v1::DeleteRuleRequest& request) = 0;
  virtual absl::StatusOr<v1::RuleView> Block(const v1::BlockRequest& request) = 0;
  virtual absl::StatusOr<v1::UnblockResponse> Unblock(const v1::UnblockRequest& request) = 0;
  virtual absl::StatusOr<v1::ExplainIpView> ExplainIp(const v1::ExplainIpRequest& request) = 0;
  virtual absl::StatusOr<v1::PanicResponse> SetPanic(const v1::PanicRequest& request) = 0;
};

// Makes the client once a command needs one; timeout is that of each call.
using ClientFactory =
    std::function<absl::StatusOr<std::unique_ptr<AdminClient>>(const Connection& connection, absl::Duration timeout)>;

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_ADMIN_CLIENT_H_
