#include "coordinator/api/admin_grpc.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/admin.grpc.pb.h"
#include "common/tls/testing.h"
#include "coordinator/api/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::api {
namespace {

using ::testing::HasSubstr;

class AdminGrpc : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<AdminServer>> started =
        AdminServer::Start("127.0.0.1:0", ca_.Issue({.uri = {}, .dns = {}, .ip = "127.0.0.1"}), service_);
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  std::unique_ptr<v1::AdminService::Stub> As(const std::string& uri) {
    return v1::AdminService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                            tls::ChannelCredentials(ca_.Issue({.uri = uri, .dns = {}, .ip = {}}))));
  }

  tls::TestCa ca_;
  FakeBackend backend_;
  Service service_{backend_};
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminGrpc, AnswersAPersonByName) {
  auto view = std::make_shared<v1::RuleView>();
  view->set_id("block-1");
  backend_.AnswerWith(std::shared_ptr<const google::protobuf::Message>(view));
  v1::BlockRequest request;
  request.set_source("198.51.100.0/24");
  request.set_for_s(60);
  request.set_reason("scan");
  grpc::ClientContext context;
  v1::RuleView answer;
  const grpc::Status status = As("breakwater://admin/alice")->Block(&context, request, &answer);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answer.id(), "block-1");
  EXPECT_EQ(backend_.last().second, "alice");
  EXPECT_EQ(std::get<v1::BlockRequest>(backend_.last().first).source(), "198.51.100.0/24");
}

TEST_F(AdminGrpc, PassesErrorsOnWithTheirWords) {
  grpc::ClientContext wrong;
  v1::EdgeView edge;
  const auto stub = As("breakwater://admin/alice");
  const grpc::Status invalid = stub->GetEdge(&wrong, v1::GetEdgeRequest(), &edge);
  EXPECT_EQ(invalid.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(invalid.error_message(), "id is missing");
  EXPECT_EQ(backend_.asked(), 0u);
  backend_.AnswerWith(absl::NotFoundError("no edge ams-9"));
  grpc::ClientContext missing;
  v1::GetEdgeRequest request;
  request.set_id("ams-9");
  EXPECT_EQ(stub->GetEdge(&missing, request, &edge).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(AdminGrpc, AnEdgeIsNoAdmin) {
  grpc::ClientContext context;
  v1::OverviewView view;
  const grpc::Status status = As("breakwater://edge/eu/ams-1")->GetOverview(&context, v1::OverviewRequest(), &view);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("breakwater://edge/eu/ams-1"));
  EXPECT_EQ(server_->unauthenticated(), 1u);
  EXPECT_EQ(backend_.asked(), 0u);
}

}  // namespace
}  // namespace breakwater::api
