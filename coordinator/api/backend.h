// What the API asks the coordinator: one request, one answer, whenever the control strand comes to it.
//
//   backend.Ask(v1::GetRuleRequest{...}, "alice", [](Answer answer) { ... });
//
// Requests are those of v1::AdminService; an answer is that call's response message.
#ifndef BREAKWATER_COORDINATOR_API_BACKEND_H_
#define BREAKWATER_COORDINATOR_API_BACKEND_H_

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "breakwater/v1/admin.pb.h"

namespace breakwater::api {

using Request = std::variant<v1::OverviewRequest, v1::TrafficRequest, v1::ListEdgesRequest, v1::GetEdgeRequest,
                             v1::ListAttacksRequest, v1::GetAttackRequest, v1::ListRulesRequest, v1::GetRuleRequest,
                             v1::ExplainIpRequest, v1::CreateRuleRequest, v1::DeleteRuleRequest, v1::BlockRequest,
                             v1::UnblockRequest, v1::PanicRequest>;
using Answer = absl::StatusOr<std::shared_ptr<const google::protobuf::Message>>;
using Done = std::function<void(Answer)>;

class Backend {
 public:
  virtual ~Backend() = default;
  // Never waits; done is called once, on any thread, perhaps before Ask returns. Errors besides those of the request:
  // ResourceExhausted (too much is asked at once), DeadlineExceeded, Unavailable (the coordinator stops). Thread-safe.
  virtual void Ask(Request request, std::string actor, Done done) = 0;
};

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_BACKEND_H_
