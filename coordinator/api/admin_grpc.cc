#include "coordinator/api/admin_grpc.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/admin.grpc.pb.h"

namespace breakwater::api {
namespace {

constexpr int kMaxMessage = 1024 * 1024;
constexpr std::chrono::seconds kShutdownWithin(2);

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class AdminImpl final : public v1::AdminService::CallbackService {
 public:
  explicit AdminImpl(api::Service& service) : service_(service) {}

  std::atomic<uint64_t> unauthenticated{0};

 private:
  // All calls are alike: who asks, what is asked, the answer.
  template <typename Asked, typename View>
  Reactor* Call(Context* context, const Asked* request, View* response) {
    Reactor* reactor = context->DefaultReactor();
    absl::StatusOr<std::string> who = tls::AdminOf(*context->auth_context());
    if (!who.ok()) {
      ++unauthenticated;
      reactor->Finish(ToGrpc(who.status()));
      return reactor;
    }
    service_.Call(*request, *std::move(who), [reactor, response](Answer answer) {
      if (answer.ok()) static_cast<google::protobuf::Message*>(response)->CopyFrom(**answer);
      reactor->Finish(answer.ok() ? grpc::Status::OK : ToGrpc(answer.status()));
    });
    return reactor;
  }

  Reactor* GetOverview(Context* c, const v1::OverviewRequest* q, v1::OverviewView* a) override { return Call(c, q, a); }
  Reactor* GetTraffic(Context* c, const v1::TrafficRequest* q, v1::TrafficView* a) override { return Call(c, q, a); }
  Reactor* ListEdges(Context* c, const v1::ListEdgesRequest* q, v1::EdgesView* a) override { return Call(c, q, a); }
  Reactor* GetEdge(Context* c, const v1::GetEdgeRequest* q, v1::EdgeView* a) override { return Call(c, q, a); }
  Reactor* ListAttacks(Context* c, const v1::ListAttacksRequest* q, v1::AttacksView* a) override {
    return Call(c, q, a);
  }
  Reactor* GetAttack(Context* c, const v1::GetAttackRequest* q, v1::AttackView* a) override { return Call(c, q, a); }
  Reactor* ListRules(Context* c, const v1::ListRulesRequest* q, v1::RulesView* a) override { return Call(c, q, a); }
  Reactor* GetRule(Context* c, const v1::GetRuleRequest* q, v1::RuleView* a) override { return Call(c, q, a); }
  Reactor* CreateRule(Context* c, const v1::CreateRuleRequest* q, v1::RuleView* a) override { return Call(c, q, a); }
  Reactor* DeleteRule(Context* c, const v1::DeleteRuleRequest* q, v1::DeleteRuleResponse* a) override {
    return Call(c, q, a);
  }
  Reactor* Block(Context* c, const v1::BlockRequest* q, v1::RuleView* a) override { return Call(c, q, a); }
  Reactor* Unblock(Context* c, const v1::UnblockRequest* q, v1::UnblockResponse* a) override { return Call(c, q, a); }
  Reactor* ExplainIp(Context* c, const v1::ExplainIpRequest* q, v1::ExplainIpView* a) override { return Call(c, q, a); }
  Reactor* SetPanic(Context* c, const v1::PanicRequest* q, v1::PanicResponse* a) override { return Call(c, q, a); }

  api::Service& service_;
};

}  // namespace

class AdminServer::Impl {
 public:
  explicit Impl(Service& service) : admin_(service) {}
  ~Impl() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() + kShutdownWithin);
    server_->Wait();
  }

  AdminImpl admin_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& listen, const tls::Material& tls,
                                                                Service& service) {
  auto impl = std::make_unique<Impl>(service);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(listen, tls::ServerCredentials(tls), &impl->port_);
  builder.RegisterService(&impl->admin_);
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 32);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
  impl->server_ = builder.BuildAndStart();
  if (impl->server_ == nullptr || impl->port_ == 0) {
    impl->server_.reset();
    return absl::UnavailableError(absl::StrCat(
        "can't listen for tools on ", listen,
        ": the address is taken or isn't this machine's, or the certificate and its key don't fit together"));
  }
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

uint16_t AdminServer::port() const { return static_cast<uint16_t>(impl_->port_); }
uint64_t AdminServer::unauthenticated() const { return impl_->admin_.unauthenticated; }

}  // namespace breakwater::api
