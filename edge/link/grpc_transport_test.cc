// A link over real gRPC on loopback, against a coordinator in the same process that does as the test says.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "breakwater/v1/fleet.grpc.pb.h"
#include "breakwater/v1/telemetry.grpc.pb.h"
#include "common/tls/testing.h"
#include "edge/link/link.h"
#include "edge/link/testing.h"

namespace breakwater::link {
namespace {

using ::testing::HasSubstr;

// Each session gets what `script` sends it, then lives until the edge leaves.
class FakeCoordinator : public v1::FleetService::Service, public v1::TelemetryService::Service {
 public:
  using SessionStream = grpc::ServerReaderWriter<v1::CoordinatorMessage, v1::EdgeMessage>;
  using Script = std::function<void(SessionStream&)>;

  FakeCoordinator(const tls::Material& material, Script script) : script_(std::move(script)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", tls::ServerCredentials(material), &port_);
    builder.RegisterService(static_cast<v1::FleetService::Service*>(this));
    builder.RegisterService(static_cast<v1::TelemetryService::Service*>(this));
    builder.SetMaxSendMessageSize(-1);
    server_ = builder.BuildAndStart();
  }
  ~FakeCoordinator() override { Stop(); }
  void Stop() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  grpc::Status Session(grpc::ServerContext* context, SessionStream* stream) override {
    ++sessions;
    v1::EdgeMessage message;
    if (!stream->Read(&message) || !message.has_hello()) return grpc::Status::CANCELLED;
    v1::CoordinatorMessage welcome;
    welcome.mutable_welcome()->set_protocol_version(1);
    welcome.mutable_welcome()->set_heartbeat_ms(100);
    stream->Write(welcome);
    script_(*stream);
    while (stream->Read(&message)) {
      if (message.has_heartbeat()) received = message.heartbeat().received().revision();
      if (message.has_clock_probe()) {
        v1::CoordinatorMessage reply;
        reply.mutable_clock_reply()->set_id(message.clock_probe().id());
        reply.mutable_clock_reply()->set_edge_sent_us(message.clock_probe().edge_sent_us());
        const int64_t now = absl::ToUnixMicros(absl::Now());
        reply.mutable_clock_reply()->set_coordinator_received_us(now);
        reply.mutable_clock_reply()->set_coordinator_sent_us(now);
        stream->Write(reply);
      }
    }
    (void)context;
    return grpc::Status::OK;
  }

  grpc::Status Stream(grpc::ServerContext*,
                      grpc::ServerReaderWriter<v1::TelemetryDown, v1::TelemetryUp>* stream) override {
    v1::TelemetryDown down;
    down.mutable_credits()->set_bytes(1 << 20);
    stream->Write(down);
    v1::TelemetryUp up;
    while (stream->Read(&up)) {
      windows += static_cast<uint64_t>(up.windows_size());
      v1::TelemetryDown ack;
      ack.mutable_ack()->set_boot_id(7);
      ack.mutable_ack()->set_through_sequence(up.windows(up.windows_size() - 1).last_sequence());
      ack.mutable_credits()->set_bytes(up.ByteSizeLong());
      stream->Write(ack);
    }
    return grpc::Status::OK;
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::atomic<uint64_t> sessions{0}, windows{0}, received{0};

 private:
  Script script_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class GrpcLinkTest : public ::testing::Test {
 protected:
  std::unique_ptr<Link> Connect(const std::string& address, const tls::Material& material) {
    LinkSettings s;
    s.coordinators = {address};
    s.identity = {.id = "ams-1", .region = "eu"};
    s.boot_id = 7;
    s.random = [] { return 0.5; };
    auto link = std::make_unique<Link>(
        s, DesiredSet(signer_.keys(), s.identity), clock::SystemClock(),
        [material](Transport::Sink sink) { return NewGrpcTransport(material, std::move(sink)); }, Link::Callbacks{});
    link->Start();
    return link;
  }
  template <typename Condition>
  static bool Within(absl::Duration limit, Condition condition) {
    const absl::Time end = absl::Now() + limit;
    while (!condition()) {
      if (absl::Now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  const tls::TestCa ca_;
  const tls::Material server_ = ca_.Issue({.dns = "localhost", .ip = "127.0.0.1"});
  const tls::Material edge_ = ca_.Issue({.uri = "breakwater://edge/eu/ams-1"});
  const TestCoordinator signer_;
};

TEST_F(GrpcLinkTest, RulesComeAndWindowsGo) {
  const std::vector<v1::SignedRule> rules = {signer_.Rule("a")};
  FakeCoordinator coordinator(server_, [&](FakeCoordinator::SessionStream& stream) {
    v1::CoordinatorMessage m;
    *m.mutable_manifest() = signer_.Manifest({.revision = 4}, rules);
    stream.Write(m);
    *m.mutable_snapshot() = signer_.Chunk({.revision = 4}, rules, 0, 1, rules);
    stream.Write(m);
  });
  const std::unique_ptr<Link> link = Connect(coordinator.address(), edge_);
  ASSERT_TRUE(Within(absl::Seconds(20), [&] { return coordinator.received == 4; })) << link->View().last_error;
  Inbox inbox = link->Take();
  ASSERT_TRUE(inbox.desired);
  EXPECT_EQ(inbox.desired->rules.size(), 1u);
  window::Window w;
  w.id = {7, 1, 1};
  w.start = absl::FromUnixSeconds(1'700'000'000);
  w.slots.resize(window::kSlotsPerWindow);
  for (int i = 0; i < window::kSlotsPerWindow; ++i)
    w.slots[static_cast<size_t>(i)].start = w.start + window::kSlotLength * i;
  ASSERT_TRUE(link->Offer(w));
  EXPECT_TRUE(Within(absl::Seconds(20), [&] { return link->View().windows_acknowledged == 1; }));
  EXPECT_EQ(coordinator.windows, 1u);
  EXPECT_TRUE(Within(absl::Seconds(20), [&] { return link->View().clock_offset.has_value(); }));
  EXPECT_EQ(link->View().refused_messages, 0u);
}

TEST_F(GrpcLinkTest, AnOversizedMessageEndsTheSessionAndIsCounted) {
  FakeCoordinator coordinator(server_, [&](FakeCoordinator::SessionStream& stream) {
    v1::CoordinatorMessage m;
    m.mutable_manifest()->set_content(std::string(size_t{5} << 20, 'x'));
    stream.Write(m);
  });
  const std::unique_ptr<Link> link = Connect(coordinator.address(), edge_);
  ASSERT_TRUE(Within(absl::Seconds(20), [&] { return link->View().refused_messages > 0; }));
  EXPECT_THAT(link->View().last_error, HasSubstr("limit"));
  EXPECT_TRUE(Within(absl::Seconds(20), [&] { return coordinator.sessions > 1; })) << "it tries again";
}

TEST_F(GrpcLinkTest, ACoordinatorOfAnotherAuthorityIsNeverSpokenTo) {
  const tls::TestCa stranger;
  FakeCoordinator coordinator(stranger.Issue({.dns = "localhost", .ip = "127.0.0.1"}),
                              [](FakeCoordinator::SessionStream&) {});
  const std::unique_ptr<Link> link = Connect(coordinator.address(), edge_);
  EXPECT_TRUE(Within(absl::Seconds(20), [&] { return link->View().failed_sessions > 1; }));
  EXPECT_EQ(coordinator.sessions, 0u);
}

// The coordinator dies and returns; the link is stopped at any moment. Nothing crashes, nothing hangs.
TEST_F(GrpcLinkTest, ComesAndGoesInAnyOrder) {
  for (int i = 0; i < 8; ++i) {
    FakeCoordinator coordinator(server_, [](FakeCoordinator::SessionStream&) {});
    std::unique_ptr<Link> link = Connect(coordinator.address(), edge_);
    if (i % 4 != 0) {
      ASSERT_TRUE(Within(absl::Seconds(20), [&] { return link->View().telemetry_open; }));
    }
    if (i % 2 == 0) coordinator.Stop();
    if (i % 4 == 2) {
      ASSERT_TRUE(Within(absl::Seconds(20), [&] { return link->View().state != LinkState::kConnected; }));
    }
    link.reset();
  }
}

}  // namespace
}  // namespace breakwater::link
