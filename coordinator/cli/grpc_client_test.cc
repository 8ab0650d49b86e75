// The real transport against a real service on loopback, with certificates made here.
#include "coordinator/cli/grpc_client.h"

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "breakwater/v1/admin.grpc.pb.h"
#include "common/tls/testing.h"
#include "coordinator/cli/fake_coordinator.h"
#include "coordinator/cli/run.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::cli {
namespace {

using ::testing::HasSubstr;

class Service final : public v1::AdminService::Service {
 public:
  grpc::Status GetOverview(grpc::ServerContext* context, const v1::OverviewRequest*, v1::OverviewView* view) override {
    const absl::StatusOr<std::string> who = tls::AdminOf(*context->auth_context());
    if (!who.ok()) return {grpc::StatusCode::UNAUTHENTICATED, std::string(who.status().message())};
    view->set_coordinator("hello " + *who);
    return grpc::Status::OK;
  }
  grpc::Status GetRule(grpc::ServerContext*, const v1::GetRuleRequest* request, v1::RuleView*) override {
    return {grpc::StatusCode::NOT_FOUND, "no rule " + request->id()};
  }
  grpc::Status Block(grpc::ServerContext*, const v1::BlockRequest* request, v1::RuleView* rule) override {
    rule->set_id("block-1");
    rule->set_match("ip.src == " + request->source());
    return grpc::Status::OK;
  }
  grpc::Status ListEdges(grpc::ServerContext*, const v1::ListEdgesRequest*, v1::EdgesView* view) override {
    view->add_edges()->set_id("cut in the middle of a character \xc3");
    return grpc::Status::OK;
  }
  grpc::Status GetEdge(grpc::ServerContext* context, const v1::GetEdgeRequest*, v1::EdgeView*) override {
    while (!context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
    return grpc::Status::OK;
  }
};

// A TCP port of loopback that nobody, or only the test, listens on.
class Port {
 public:
  explicit Port(bool listens) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    number_ = ntohs(address.sin_port);
    EXPECT_EQ(listens ? ::listen(fd_, 8) : 0, 0);
  }
  ~Port() { ::close(fd_); }
  std::string server() const { return absl::StrCat("127.0.0.1:", number_); }
  int fd() const { return fd_; }

 private:
  int fd_;
  int number_ = 0;
};

class GrpcClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("bwctl_grpc_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    admin_ = Files(ca_.Issue({.uri = "breakwater://admin/alice"}), "alice");
  }
  void TearDown() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    std::filesystem::remove_all(folder_);
  }

  tls::Files Files(const tls::Material& material, const std::string& name) const {
    const std::filesystem::path folder = folder_ / name;
    std::filesystem::create_directories(folder);
    return tls::WriteFiles(material, folder.string(), name);
  }

  void Serve(const tls::Material& material) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", tls::ServerCredentials(material), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void Serve() { Serve(ca_.Issue({.dns = "coordinator.example", .ip = "127.0.0.1"})); }

  // Runs bwctl as this person.
  int Run(std::vector<std::string> words, const tls::Files& who, const std::string& server = "") {
    terminal_.out.str("");
    terminal_.err.str("");
    terminal_.environment = {{"BWCTL_SERVER", server.empty() ? absl::StrCat("127.0.0.1:", port_) : server},
                             {"BWCTL_CA", who.ca},
                             {"BWCTL_CERT", who.certificate},
                             {"BWCTL_KEY", who.key}};
    Console console = terminal_.MakeConsole();
    return RunBwctl(words, console, ConnectGrpc);
  }
  std::string out() const { return terminal_.out.str(); }
  std::string err() const { return terminal_.err.str(); }

  const tls::TestCa ca_;
  std::filesystem::path folder_;
  tls::Files admin_;
  Service service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  FakeTerminal terminal_;
};

TEST_F(GrpcClientTest, AsksAsWhoTheCertificateSays) {
  Serve();
  EXPECT_EQ(Run({"overview", "-o", "name"}, admin_), 0) << err();
  EXPECT_EQ(out(), "hello alice\n");
}

TEST_F(GrpcClientTest, CarriesRequestsAndErrors) {
  Serve();
  EXPECT_EQ(Run({"block", "192.0.2.7", "--reason", "x", "-o", "json"}, admin_), 0) << err();
  EXPECT_THAT(out(), HasSubstr("\"match\": \"ip.src == 192.0.2.7/32\""));
  EXPECT_EQ(Run({"rule", "show", "op-9"}, admin_), 3);
  EXPECT_THAT(err(), HasSubstr("no rule op-9"));
  EXPECT_EQ(Run({"traffic"}, admin_), 1) << "this service doesn't know it";
  EXPECT_THAT(err(), HasSubstr("doesn't know this request"));
  EXPECT_THAT(err(), HasSubstr("api.listen"));
}

TEST_F(GrpcClientTest, SaysThatAnAnswerCannotBeRead) {
  Serve();
  EXPECT_EQ(Run({"edge", "list"}, admin_), 1);
  EXPECT_THAT(out(), ::testing::IsEmpty());
  EXPECT_THAT(err(), HasSubstr("can't read"));
}

TEST_F(GrpcClientTest, TakesTheNameOfTheCertificateFromAnOption) {
  Serve(ca_.Issue({.dns = "coordinator.example"}));
  EXPECT_EQ(Run({"overview", "-o", "name", "--server-name", "coordinator.example"}, admin_), 0) << err();
  EXPECT_EQ(Run({"overview"}, admin_), 4);
  EXPECT_THAT(err(), HasSubstr("isn't trusted"));
  EXPECT_THAT(err(), HasSubstr("--server-name"));
}

TEST_F(GrpcClientTest, NobodyListens) {
  const Port port(false);
  EXPECT_EQ(Run({"overview"}, admin_, port.server()), 6);
  EXPECT_THAT(err(), HasSubstr(port.server() + ": Connection refused"));
  EXPECT_THAT(err(), HasSubstr("--server"));
}

TEST_F(GrpcClientTest, NameLeadsNowhere) {
  EXPECT_EQ(Run({"overview", "--timeout", "3s"}, admin_, "coordinator.invalid:7443"), 6);
  EXPECT_THAT(err(), HasSubstr("coordinator.invalid"));
}

TEST_F(GrpcClientTest, SomethingElseListensAndSaysNothing) {
  const Port port(true);
  const absl::Time start = absl::Now();
  EXPECT_EQ(Run({"overview", "--timeout", "300ms"}, admin_, port.server()), 6);
  EXPECT_THAT(err(), HasSubstr("says nothing in TLS"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST_F(GrpcClientTest, SomethingElseListensAndTalks) {
  const Port port(true);
  std::jthread peer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const int fd = ::accept4(port.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      constexpr std::string_view kText = "220 this is a mail server, not a coordinator\r\n";
      [[maybe_unused]] const ssize_t sent = ::send(fd, kText.data(), kText.size(), MSG_NOSIGNAL);
      ::close(fd);
    }
  });
  EXPECT_EQ(Run({"overview", "--timeout", "2s"}, admin_, port.server()), 6);
  EXPECT_THAT(err(), HasSubstr("doesn't speak TLS"));
  peer.request_stop();
  ::shutdown(port.fd(), SHUT_RDWR);
}

TEST_F(GrpcClientTest, DoesNotTrustAnotherCa) {
  const tls::TestCa other;
  Serve(other.Issue({.ip = "127.0.0.1"}));
  EXPECT_EQ(Run({"overview"}, admin_), 4);
  EXPECT_THAT(err(), HasSubstr("isn't trusted"));
  EXPECT_THAT(err(), HasSubstr(admin_.ca));
}

TEST_F(GrpcClientTest, DoesNotTrustAnExpiredCoordinator) {
  Serve(ca_.Issue({.ip = "127.0.0.1", .valid = -absl::Minutes(1)}));
  EXPECT_EQ(Run({"overview"}, admin_), 4);
  EXPECT_THAT(err(), HasSubstr("certificate has expired"));
}

TEST_F(GrpcClientTest, TheCoordinatorRefusesAnotherCasCertificate) {
  Serve();
  const tls::TestCa other;
  tls::Material stranger = other.Issue({.uri = "breakwater://admin/alice"});
  stranger.ca = ca_.Issue({}).ca;
  EXPECT_EQ(Run({"overview"}, Files(stranger, "stranger")), 4);
  EXPECT_THAT(err(), HasSubstr("refused your certificate"));
  EXPECT_THAT(err(), HasSubstr("stranger.pem"));
  EXPECT_THAT(err(), HasSubstr("certificate signature failure"));
}

TEST_F(GrpcClientTest, TheCoordinatorRefusesAnExpiredCertificate) {
  Serve();
  EXPECT_EQ(Run({"overview"}, Files(ca_.Issue({.uri = "breakwater://admin/alice", .valid = -absl::Minutes(1)}), "old")),
            4);
  EXPECT_THAT(err(), HasSubstr("refused your certificate"));
  EXPECT_THAT(err(), HasSubstr("seen from here, certificate has expired"));
}

TEST_F(GrpcClientTest, AnEdgesCertificateIsNoAdmins) {
  Serve();
  EXPECT_EQ(Run({"overview"}, Files(ca_.Issue({.uri = "breakwater://edge/eu/ams-1"}), "edge")), 4);
  EXPECT_THAT(err(), HasSubstr("breakwater://edge/eu/ams-1"));
}

TEST_F(GrpcClientTest, KeyAndCertificateMustBelongTogether) {
  Serve();
  tls::Material mixed = ca_.Issue({.uri = "breakwater://admin/alice"});
  mixed.key = ca_.Issue({.uri = "breakwater://admin/bob"}).key;
  EXPECT_EQ(Run({"overview"}, Files(mixed, "mixed")), 1);
  EXPECT_THAT(err(), HasSubstr("isn't that of the certificate"));
}

TEST_F(GrpcClientTest, AMissingFileIsNamed) {
  EXPECT_EQ(Run({"overview"}, {.ca = admin_.ca, .certificate = "/nowhere/alice.pem", .key = admin_.key}, "127.0.0.1:1"),
            1);
  EXPECT_THAT(err(), HasSubstr("/nowhere/alice.pem"));
}

TEST_F(GrpcClientTest, AnAnswerThatDoesNotComeIsATimeout) {
  Serve();
  EXPECT_EQ(Run({"edge", "show", "ams-1", "--timeout", "300ms"}, admin_), 6);
  EXPECT_THAT(err(), HasSubstr("didn't answer in time"));
  EXPECT_THAT(err(), HasSubstr("--timeout"));
}

TEST_F(GrpcClientTest, FindsACoordinatorAgainThatWasAway) {
  Serve();
  const absl::StatusOr<std::unique_ptr<AdminClient>> client = ConnectGrpc({.server = absl::StrCat("127.0.0.1:", port_),
                                                                           .ca = admin_.ca,
                                                                           .certificate = admin_.certificate,
                                                                           .key = admin_.key},
                                                                          absl::Seconds(2));
  ASSERT_TRUE(client.ok()) << client.status();
  ASSERT_TRUE((*client)->GetOverview({}).ok());
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
  const absl::StatusOr<v1::OverviewView> away = (*client)->GetOverview({});
  EXPECT_EQ(away.status().code(), absl::StatusCode::kUnavailable) << away.status();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_), tls::ServerCredentials(ca_.Issue({.ip = "127.0.0.1"})));
  builder.RegisterService(&service_);
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (!(*client)->GetOverview({}).ok() && absl::Now() < until) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_TRUE((*client)->GetOverview({}).ok());
}

}  // namespace
}  // namespace breakwater::cli
