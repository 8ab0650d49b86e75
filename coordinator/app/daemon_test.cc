#include "coordinator/app/daemon.h"

#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/admin.grpc.pb.h"
#include "breakwater/v1/fleet.grpc.pb.h"
#include "common/http/client.h"
#include "common/service/signals.h"
#include "common/tls/testing.h"
#include "coordinator/app/keys.h"
#include "coordinator/control/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::coordinator {
namespace {

using ::testing::HasSubstr;

constexpr char kBlock[] = R"({"source":"198.51.100.7","for_s":600,"reason":"scan"})";

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Until it holds, or 20 s went by.
template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

// A careful edge at the other end of a real session.
class EdgeProcess {
 public:
  EdgeProcess(FakeEdge& edge, const std::shared_ptr<grpc::Channel>& channel)
      : edge_(edge), stub_(v1::FleetService::NewStub(channel)), stream_(stub_->Session(&context_)) {
    edge_.SessionStarted();
    v1::EdgeMessage hello;
    *hello.mutable_hello() = edge_.Hello();
    stream_->Write(hello);
    thread_ = std::thread([this] { Run(); });
  }
  ~EdgeProcess() {
    context_.TryCancel();
    thread_.join();
  }

  bool Has(const std::string& rule) {
    std::lock_guard lock(mutex_);
    return edge_.rules().contains(rule);
  }
  bool stopped() {
    std::lock_guard lock(mutex_);
    return edge_.stopped();
  }
  bool ended() {
    std::lock_guard lock(mutex_);
    return ended_;
  }
  grpc::Status status() {
    std::lock_guard lock(mutex_);
    return status_;
  }
  std::vector<std::string> complaints() {
    std::lock_guard lock(mutex_);
    return edge_.complaints();
  }

 private:
  void Run() {
    v1::CoordinatorMessage message;
    while (stream_->Read(&message)) {
      std::lock_guard lock(mutex_);
      for (const v1::EdgeMessage& answer : edge_.On(message)) stream_->Write(answer);
      v1::EdgeMessage beat = edge_.Heartbeat();
      stream_->Write(beat);
    }
    const grpc::Status status = stream_->Finish();
    std::lock_guard lock(mutex_);
    status_ = status;
    ended_ = true;
  }

  FakeEdge& edge_;
  std::unique_ptr<v1::FleetService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::EdgeMessage, v1::CoordinatorMessage>> stream_;
  std::mutex mutex_;
  grpc::Status status_;
  bool ended_ = false;
  std::thread thread_;
};

class DaemonTest : public testing::Test {
 protected:
  void SetUp() override {
    service::BlockSignals();
    char pattern[] = "/tmp/breakwater-coordinator-XXXXXX";
    directory_ = mkdtemp(pattern);
    config_.state_directory = directory_ + "/state";
    config_.signing_key = config_.state_directory + "/signing.key";
    config_.edges_listen = config_.api_listen = config_.http_listen = "127.0.0.1:0";
    config_.tls = tls::WriteFiles(ca_.Issue({.uri = {}, .dns = "localhost", .ip = "127.0.0.1"}), directory_, "server");
  }
  void TearDown() override {
    Stop();
    std::filesystem::remove_all(directory_);
  }

  void Start() {
    absl::StatusOr<std::unique_ptr<Daemon>> opened =
        Daemon::Open(config_, clock::SystemClock(), service::SystemFiles());
    ASSERT_TRUE(opened.ok()) << opened.status();
    daemon_ = *std::move(opened);
    thread_ = std::thread([this] { EXPECT_TRUE(daemon_->Run().ok()); });
    token_ = FileText(config_.api_token());
    token_.resize(token_.find_last_not_of('\n') + 1);
  }
  void Stop() {
    if (daemon_ == nullptr) return;
    daemon_->Stop();
    thread_.join();
    daemon_.reset();
  }

  std::shared_ptr<grpc::Channel> Channel(uint16_t port, const std::string& uri) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                     tls::ChannelCredentials(ca_.Issue({.uri = uri, .dns = {}, .ip = {}})), arguments);
  }
  std::shared_ptr<grpc::Channel> EdgeChannel() { return Channel(daemon_->edges_port(), "breakwater://edge/eu/ams-1"); }
  FakeEdge NewEdge() {
    fleet::TrustedKeys trusted;
    absl::StatusOr<fleet::PublicKey> key = fleet::PublicKey::FromPem(FileText(config_.signing_public()));
    EXPECT_TRUE(key.ok()) << key.status();
    EXPECT_TRUE(trusted.Add(*std::move(key)).ok());
    return FakeEdge({.id = "ams-1", .region = "eu"}, trusted, 7);
  }

  http::Response Ask(http::Request request) {
    absl::StatusOr<http::Response> response =
        http::Fetch(absl::StrCat("127.0.0.1:", daemon_->http_port()), request, absl::Seconds(20));
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : http::Response{};
  }
  http::Response Get(const std::string& path) { return Ask({.path = path}); }
  http::Response Change(const std::string& path, const std::string& body) {
    return Ask({.method = "POST",
                .path = path,
                .content_type = "application/json",
                .body = body,
                .headers = {{"authorization", "Bearer " + token_}}});
  }

  tls::TestCa ca_;
  std::string directory_;
  CoordinatorConfig config_;
  std::string token_;
  std::unique_ptr<Daemon> daemon_;
  std::thread thread_;
};

TEST_F(DaemonTest, AnEdgeConnectsAndGetsWhatAPersonDecides) {
  Start();
  FakeEdge fake = NewEdge();
  EdgeProcess edge(fake, EdgeChannel());
  EXPECT_TRUE(
      Eventually([&] { return Get("/api/v1/overview").body.find(R"("edges_connected":1)") != std::string::npos; }));
  EXPECT_THAT(Get("/api/v1/edges/ams-1").body, HasSubstr(R"("region":"eu","class")"));

  const http::Response blocked = Change("/api/v1/block", kBlock);
  ASSERT_EQ(blocked.status, 200) << blocked.body;
  EXPECT_TRUE(Eventually([&] { return edge.Has("block-198.51.100.7"); }));
  EXPECT_THAT(Get("/api/v1/rules").body, HasSubstr("ip.src == 198.51.100.7"));
  EXPECT_EQ(Ask({.method = "DELETE",
                 .path = "/api/v1/rules/block-198.51.100.7",
                 .headers = {{"authorization", "Bearer " + token_}}})
                .status,
            200);
  EXPECT_TRUE(Eventually([&] { return !edge.Has("block-198.51.100.7"); }));

  // The same by gRPC.
  const auto stub = v1::AdminService::NewStub(Channel(daemon_->api_port(), "breakwater://admin/alice"));
  grpc::ClientContext context;
  v1::PanicRequest panic;
  panic.set_on(true);
  panic.set_reason("test");
  v1::PanicResponse response;
  const grpc::Status status = stub->SetPanic(&context, panic, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.edges_reached(), 1);
  EXPECT_TRUE(Eventually([&] { return edge.stopped(); }));
  EXPECT_THAT(edge.complaints(), testing::IsEmpty());
  EXPECT_TRUE(Eventually([&] {
    const std::string page = Get("/metrics").body;
    return page.find("breakwater_coordinator_edges_connected 1\n") != std::string::npos &&
           page.find("breakwater_coordinator_panic 1\n") != std::string::npos;
  }));
}

TEST_F(DaemonTest, ARestartForgetsNothing) {
  Start();
  ASSERT_EQ(Change("/api/v1/block", kBlock).status, 200);
  const std::string key = FileText(config_.signing_key);
  const std::string token = token_;
  Stop();
  Start();
  EXPECT_EQ(FileText(config_.signing_key), key);
  EXPECT_EQ(token_, token);
  EXPECT_THAT(Get("/api/v1/rules/block-198.51.100.7").body, HasSubstr(R"("reason":"scan")"));
  FakeEdge fake = NewEdge();
  EdgeProcess edge(fake, EdgeChannel());
  EXPECT_TRUE(Eventually([&] { return edge.Has("block-198.51.100.7"); }));
  EXPECT_THAT(edge.complaints(), testing::IsEmpty());
}

TEST_F(DaemonTest, OfTwoEdgesWithOneIdentityOneStays) {
  Start();
  FakeEdge first_fake = NewEdge();
  EdgeProcess first(first_fake, EdgeChannel());
  EXPECT_TRUE(
      Eventually([&] { return Get("/api/v1/overview").body.find(R"("edges_connected":1)") != std::string::npos; }));
  FakeEdge second_fake = NewEdge();
  second_fake.Reboot(8);
  EdgeProcess second(second_fake, EdgeChannel());
  EXPECT_TRUE(Eventually([&] { return first.ended(); }));
  EXPECT_FALSE(first.status().ok());
  EXPECT_NE(first.status().error_message(), "");
  ASSERT_EQ(Change("/api/v1/block", kBlock).status, 200);
  EXPECT_TRUE(Eventually([&] { return second.Has("block-198.51.100.7"); }));
  EXPECT_FALSE(second.ended());
}

TEST_F(DaemonTest, AStopSaysGoodbyeAndComesToAnEnd) {
  Start();
  FakeEdge fake = NewEdge();
  EdgeProcess edge(fake, EdgeChannel());
  EXPECT_TRUE(
      Eventually([&] { return Get("/api/v1/overview").body.find(R"("edges_connected":1)") != std::string::npos; }));
  const auto began = std::chrono::steady_clock::now();
  Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_TRUE(Eventually([&] { return edge.ended(); }));
  EXPECT_THAT(edge.status().error_message(), HasSubstr("stops"));
}

TEST_F(DaemonTest, SecretsAreMadeForTheirOwnerAlone) {
  Start();
  for (const std::string& path : {config_.signing_key, config_.api_token()}) {
    struct stat st {};
    ASSERT_EQ(stat(path.c_str(), &st), 0) << path;
    EXPECT_EQ(st.st_mode & 0777, 0600u) << path;
  }
  EXPECT_EQ(token_.size(), 64u);
  EXPECT_THAT(FileText(config_.signing_public()), HasSubstr("BEGIN PUBLIC KEY"));
  Stop();
  chmod(config_.signing_key.c_str(), 0644);
  const auto wide = Daemon::Open(config_, clock::SystemClock(), service::SystemFiles());
  EXPECT_THAT(std::string(wide.status().message()), HasSubstr("chmod 600 " + config_.signing_key));
  chmod(config_.signing_key.c_str(), 0600);
  std::ofstream(config_.signing_key) << "not a key";
  const auto broken = Daemon::Open(config_, clock::SystemClock(), service::SystemFiles());
  EXPECT_THAT(std::string(broken.status().message()), HasSubstr(config_.signing_key));
  EXPECT_EQ(std::string(broken.status().message()).find("not a key"), std::string::npos);
}

TEST_F(DaemonTest, TwoOnOneStateAreRefused) {
  Start();
  const auto second = Daemon::Open(config_, clock::SystemClock(), service::SystemFiles());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(config_.database()));
}

TEST_F(DaemonTest, HealthAndPageAreThere) {
  Start();
  EXPECT_TRUE(Eventually([&] { return Get("/readyz").status == 200; }));
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_THAT(Get("/version").body, HasSubstr("version"));
  const http::Response page = Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.content_type, HasSubstr("text/html"));
}

}  // namespace
}  // namespace breakwater::coordinator
