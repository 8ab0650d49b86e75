#include "common/tls/credentials.h"

#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "breakwater/v1/fleet.grpc.pb.h"
#include "common/tls/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::tls {
namespace {

using ::testing::HasSubstr;

// Answers a call with what it makes of the peer's certificate.
class WhoAmI : public v1::FleetService::Service {
 public:
  grpc::Status Enroll(grpc::ServerContext* context, const v1::EnrollRequest*, v1::EnrollResponse* response) override {
    const absl::StatusOr<EdgeIdentity> edge = EdgeOf(*context->auth_context());
    if (!edge.ok()) return {grpc::StatusCode::UNAUTHENTICATED, std::string(edge.status().message())};
    response->set_edge_id(edge->id);
    response->set_region(edge->region);
    return grpc::Status::OK;
  }
};

class CredentialsTest : public ::testing::Test {
 protected:
  struct Answer {
    grpc::Status status;
    v1::EnrollResponse response;
  };

  void Serve(bool require_client) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", ServerCredentials(ca_.Issue({.ip = "127.0.0.1"}), require_client), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  Answer Ask(const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    const auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(port_), credentials);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    Answer answer;
    answer.status = v1::FleetService::NewStub(channel)->Enroll(&context, {}, &answer.response);
    return answer;
  }

  TestCa ca_;
  WhoAmI service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(CredentialsTest, TheServerKnowsAnEdgeByItsCertificate) {
  Serve(true);
  const Answer answer =
      Ask(ChannelCredentials(ca_.Issue({.uri = "breakwater://edge/eu/ams-1", .dns = "ams-1.example"})));
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.edge_id(), "ams-1");
  EXPECT_EQ(answer.response.region(), "eu");
}

TEST_F(CredentialsTest, OtherCertificatesAreNoEdges) {
  Serve(true);
  EXPECT_THAT(Ask(ChannelCredentials(ca_.Issue({.dns = "ams-1.example"}))).status.error_message(),
              HasSubstr("it has none"));
  EXPECT_THAT(Ask(ChannelCredentials(ca_.Issue({.uri = "breakwater://admin/alice"}))).status.error_message(),
              HasSubstr("breakwater://admin/alice"));
}

TEST_F(CredentialsTest, StrangersAndTheExpiredDontGetThrough) {
  Serve(true);
  const TestCa other;
  Material stranger = other.Issue({.uri = "breakwater://edge/eu/ams-1"});
  stranger.ca = ca_.Issue({}).ca;  // it trusts the server; the server doesn't trust it
  EXPECT_FALSE(Ask(ChannelCredentials(stranger)).status.ok());
  EXPECT_FALSE(Ask(ChannelCredentials(ca_.Issue({.uri = "breakwater://edge/eu/ams-1", .valid = -absl::Minutes(1)})))
                   .status.ok());
  grpc::SslCredentialsOptions anonymous;
  anonymous.pem_root_certs = ca_.Issue({}).ca;
  EXPECT_FALSE(Ask(grpc::SslCredentials(anonymous)).status.ok());
  EXPECT_FALSE(Ask(grpc::InsecureChannelCredentials()).status.ok());
}

TEST_F(CredentialsTest, AClientThatShowsNothingIsNobody) {
  Serve(false);
  grpc::SslCredentialsOptions anonymous;
  anonymous.pem_root_certs = ca_.Issue({}).ca;
  const Answer answer = Ask(grpc::SslCredentials(anonymous));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(answer.status.error_message(), HasSubstr("showed no certificate"));
}

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() : directory_(::testing::TempDir() + "/tls-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(directory_);
    files_ = WriteFiles(TestCa().Issue({.uri = "breakwater://edge/eu/ams-1"}), directory_, "edge");
  }
  ~FilesTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  Files files_;
};

TEST_F(FilesTest, AreReadWhole) {
  const absl::StatusOr<Material> material = LoadMaterial(files_);
  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_THAT(material->ca, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_THAT(material->key, HasSubstr("PRIVATE KEY"));
}

TEST_F(FilesTest, AKeyThatOthersMayReadIsRefused) {
  ASSERT_EQ(::chmod(files_.key.c_str(), 0644), 0);
  const absl::Status status = LoadMaterial(files_).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("chmod 600"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(files_.key));
}

TEST_F(FilesTest, WhatIsntThereOrIsntPemIsNamed) {
  Files files = files_;
  files.ca = directory_ + "/none.pem";
  EXPECT_THAT(std::string(LoadMaterial(files).status().message()), HasSubstr("none.pem: No such file"));
  files = files_;
  files.key = directory_;
  EXPECT_THAT(std::string(LoadMaterial(files).status().message()), HasSubstr("regular file"));
  files.key = "";
  EXPECT_THAT(std::string(LoadMaterial(files).status().message()), HasSubstr("a path is missing"));
  files = files_;
  std::ofstream(files.certificate) << "hello";
  EXPECT_THAT(std::string(LoadMaterial(files).status().message()), HasSubstr("isn't PEM"));
}

}  // namespace
}  // namespace breakwater::tls
