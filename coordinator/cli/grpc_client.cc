#include "coordinator/cli/grpc_client.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/admin.grpc.pb.h"
#include "common/tls/credentials.h"
#include "coordinator/cli/tls_probe.h"
#include "google/protobuf/stubs/logging.h"

namespace breakwater::cli {
namespace {

// A list of rules with every edge's state is long; what is longer than this isn't ours.
constexpr int kMaxAnswerBytes = 64 << 20;
constexpr int kFirstReconnectMs = 200;
constexpr int kMostReconnectMs = 1000;

// What gRPC says of an answer that protobuf refused.
constexpr std::string_view kUnreadable = "No message returned for unary request";

using Stub = v1::AdminService::Stub;

class GrpcClient final : public AdminClient {
 public:
  GrpcClient(Connection connection, tls::Material material, absl::Duration timeout)
      : connection_(std::move(connection)), material_(std::move(material)), timeout_(timeout) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMostReconnectMs);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // straight to the address that was named
    if (!connection_.server_name.empty()) arguments.SetSslTargetNameOverride(connection_.server_name);
    channel_ = grpc::CreateCustomChannel("dns:///" + connection_.server, tls::ChannelCredentials(material_), arguments);
    stub_ = v1::AdminService::NewStub(channel_);
  }

  absl::StatusOr<v1::OverviewView> GetOverview(const v1::OverviewRequest& request) override {
    return Call(&Stub::GetOverview, request);
  }
  absl::StatusOr<v1::TrafficView> GetTraffic(const v1::TrafficRequest& request) override {
    return Call(&Stub::GetTraffic, request);
  }
  absl::StatusOr<v1::EdgesView> ListEdges(const v1::ListEdgesRequest& request) override {
    return Call(&Stub::ListEdges, request);
  }
  absl::StatusOr<v1::EdgeView> GetEdge(const v1::GetEdgeRequest& request) override {
    return Call(&Stub::GetEdge, request);
  }
  absl::StatusOr<v1::AttacksView> ListAttacks(const v1::ListAttacksRequest& request) override {
    return Call(&Stub::ListAttacks, request);
  }
  absl::StatusOr<v1::AttackView> GetAttack(const v1::GetAttackRequest& request) override {
    return Call(&Stub::GetAttack, request);
  }
  absl::StatusOr<v1::RulesView> ListRules(const v1::ListRulesRequest& request) override {
    return Call(&Stub::ListRules, request);
  }
  absl::StatusOr<v1::RuleView> GetRule(const v1::GetRuleRequest& request) override {
    return Call(&Stub::GetRule, request);
  }
  absl::StatusOr<v1::RuleView> CreateRule(const v1::CreateRuleRequest& request) override {
    return Call(&Stub::CreateRule, request);
  }
  absl::StatusOr<v1::DeleteRuleResponse> DeleteRule(const v1::DeleteRuleRequest& request) override {
    return Call(&Stub::DeleteRule, request);
  }
  absl::StatusOr<v1::RuleView> Block(const v1::BlockRequest& request) override { return Call(&Stub::Block, request); }
  absl::StatusOr<v1::UnblockResponse> Unblock(const v1::UnblockRequest& request) override {
    return Call(&Stub::Unblock, request);
  }
  absl::StatusOr<v1::ExplainIpView> ExplainIp(const v1::ExplainIpRequest& request) override {
    return Call(&Stub::ExplainIp, request);
  }
  absl::StatusOr<v1::PanicResponse> SetPanic(const v1::PanicRequest& request) override {
    return Call(&Stub::SetPanic, request);
  }

 private:
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout_));
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (status.ok()) return response;
    if (status.error_message() == kUnreadable) {
      return absl::InternalError(
          absl::StrCat("the coordinator at ", connection_.server, " answered what this bwctl can't read"));
    }
    if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      return absl::UnimplementedError(
          absl::StrCat("what answers at ", connection_.server, " doesn't know this request"));
    }
    const bool connected = channel_->GetState(false) == GRPC_CHANNEL_READY;
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED && connected) {
      return absl::DeadlineExceededError(
          absl::StrCat("the coordinator at ", connection_.server, " is connected, but didn't answer in time"));
    }
    // gRPC knows little about why there is no connection; a look of our own does.
    if ((status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) &&
        !connected) {
      if (absl::Status why = ProbeTls(connection_, material_, timeout_); !why.ok()) return why;
      return absl::UnavailableError(
          absl::StrCat("no connection to the coordinator at ", connection_.server, ": ", status.error_message()));
    }
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }

  const Connection connection_;
  const tls::Material material_;
  const absl::Duration timeout_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminClient>> ConnectGrpc(const Connection& connection, absl::Duration timeout) {
  absl::StatusOr<tls::Material> material =
      tls::LoadMaterial({.ca = connection.ca, .certificate = connection.certificate, .key = connection.key});
  if (!material.ok()) return material.status();
  // Their logs would stand between our messages, and say less than they do.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_function([](gpr_log_func_args*) {});
    google::protobuf::SetLogHandler(nullptr);
  }
  return std::make_unique<GrpcClient>(connection, *std::move(material), timeout);
}

}  // namespace breakwater::cli
