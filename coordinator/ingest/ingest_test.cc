#include "coordinator/ingest/ingest.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/fleet.grpc.pb.h"
#include "breakwater/v1/telemetry.grpc.pb.h"
#include "common/tls/testing.h"
#include "common/window/testing.h"
#include "common/window/window_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::ingest {
namespace {

using coordinator::EdgeConnected;
using coordinator::EdgeDisconnected;
using coordinator::EdgeSaid;
using coordinator::Event;
using coordinator::TelemetryConnected;
using coordinator::TelemetryDisconnected;
using coordinator::WindowsArrived;
using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience(20);

// Takes every event at once, unless it is told to keep them waiting.
class FakeSink : public EventSink {
 public:
  void Post(Event event, std::function<void()> done) override {
    {
      std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
      if (hold_ && done) waiting_.push_back(std::move(done));
      if (hold_) done = nullptr;
    }
    changed_.notify_all();
    if (done) done();
  }

  void Hold() {
    std::lock_guard lock(mutex_);
    hold_ = true;
  }
  void Release() {
    std::vector<std::function<void()>> waiting;
    {
      std::lock_guard lock(mutex_);
      hold_ = false;
      waiting.swap(waiting_);
    }
    for (const auto& done : waiting) done();
  }

  // The nth event of a kind, once there is one.
  template <typename T>
  T Wait(size_t nth = 0) {
    std::unique_lock lock(mutex_);
    const T* found = nullptr;
    const auto there = [&] {
      size_t seen = 0;
      for (const Event& event : events_) {
        const T* one = std::get_if<T>(&event);
        if (one != nullptr && seen++ == nth) found = one;
      }
      return found != nullptr;
    };
    if (!changed_.wait_for(lock, kPatience, there)) {
      ADD_FAILURE() << "no such event came; there are " << events_.size();
      return T{};
    }
    return *found;
  }

  template <typename T>
  size_t Count() {
    std::lock_guard lock(mutex_);
    return static_cast<size_t>(
        std::count_if(events_.begin(), events_.end(), [](const Event& e) { return std::holds_alternative<T>(e); }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> events_;
  std::vector<std::function<void()>> waiting_;
  bool hold_ = false;
};

class IngestTest : public testing::Test {
 protected:
  void Start(Options options = {}) {
    options.listen = "127.0.0.1:0";
    options.tls = ca_.Issue({.uri = {}, .dns = "localhost", .ip = "127.0.0.1"});
    absl::StatusOr<std::unique_ptr<Ingest>> started = Ingest::Start(options, sink_, clock_);
    ASSERT_TRUE(started.ok()) << started.status();
    ingest_ = *std::move(started);
  }

  std::shared_ptr<grpc::Channel> Channel(std::shared_ptr<grpc::ChannelCredentials> credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxSendMessageSize(-1);
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", ingest_->port()), std::move(credentials), arguments);
  }
  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& uri) {
    return Channel(tls::ChannelCredentials(ca_.Issue({.uri = uri, .dns = {}, .ip = {}})));
  }
  std::shared_ptr<grpc::Channel> Edge(const std::string& id = "ams-1") {
    return ChannelOf("breakwater://edge/eu/" + id);
  }

  tls::TestCa ca_;
  clock::FakeClock clock_{absl::FromUnixSeconds(1700000000)};
  FakeSink sink_;
  std::unique_ptr<Ingest> ingest_;
};

v1::EdgeMessage Hello() {
  v1::EdgeMessage message;
  message.mutable_hello()->set_boot_id(7);
  message.mutable_hello()->set_protocol_version(1);
  return message;
}

v1::EdgeMessage Beat(uint32_t rules = 0) {
  v1::EdgeMessage message;
  message.mutable_heartbeat()->set_rules_installed(rules);
  return message;
}

// An edge's session as a client sees it.
class Client {
 public:
  explicit Client(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::FleetService::NewStub(channel)), stream_((Deadline(), stub_->Session(&context_))) {}
  ~Client() {
    context_.TryCancel();
    if (!finished_) stream_->Finish();
  }

  bool Say(const v1::EdgeMessage& message) { return stream_->Write(message); }
  bool Hear(v1::CoordinatorMessage& message) { return stream_->Read(&message); }
  void Leave() { stream_->WritesDone(); }
  // Reads what is left and gives the end.
  grpc::Status End() {
    v1::CoordinatorMessage message;
    while (stream_->Read(&message)) {
    }
    finished_ = true;
    return stream_->Finish();
  }

 private:
  void Deadline() { context_.set_deadline(std::chrono::system_clock::now() + kPatience); }

  std::unique_ptr<v1::FleetService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::EdgeMessage, v1::CoordinatorMessage>> stream_;
  bool finished_ = false;
};

TEST_F(IngestTest, ASessionBecomesEventsInOrder) {
  Start();
  Client client(Edge());
  ASSERT_TRUE(client.Say(Hello()));
  ASSERT_TRUE(client.Say(Beat(1)));
  ASSERT_TRUE(client.Say(Beat(2)));
  const auto connected = sink_.Wait<EdgeConnected>();
  EXPECT_EQ(connected.edge, (tls::EdgeIdentity{.id = "ams-1", .region = "eu"}));
  EXPECT_EQ(connected.hello.boot_id(), 7u);
  EXPECT_THAT(connected.peer, HasSubstr("127.0.0.1"));
  EXPECT_EQ(sink_.Wait<EdgeSaid>(0).message.heartbeat().rules_installed(), 1u);
  EXPECT_EQ(sink_.Wait<EdgeSaid>(1).message.heartbeat().rules_installed(), 2u);
  EXPECT_EQ(sink_.Wait<EdgeSaid>(1).session, connected.session);

  v1::CoordinatorMessage down;
  down.mutable_welcome()->set_heartbeat_ms(1000);
  ingest_->Send(connected.session, down);
  v1::CoordinatorMessage heard;
  ASSERT_TRUE(client.Hear(heard));
  EXPECT_EQ(heard.welcome().heartbeat_ms(), 1000u);

  client.Leave();
  EXPECT_TRUE(client.End().ok());
  EXPECT_EQ(sink_.Wait<EdgeDisconnected>().session, connected.session);
  EXPECT_EQ(ingest_->stats().sessions, 0u);
}

TEST_F(IngestTest, NobodyComesInWithoutACertificateOfThisCa) {
  Start();
  grpc::SslCredentialsOptions no_certificate;
  no_certificate.pem_root_certs = ca_.Issue({.uri = {}, .dns = "x", .ip = {}}).ca;
  EXPECT_EQ(Client(Channel(grpc::SslCredentials(no_certificate))).End().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Client(Channel(grpc::InsecureChannelCredentials())).End().error_code(), grpc::StatusCode::UNAVAILABLE);
  const tls::TestCa other;
  tls::Material foreign = other.Issue({.uri = "breakwater://edge/eu/ams-1", .dns = {}, .ip = {}});
  foreign.ca = no_certificate.pem_root_certs;
  EXPECT_EQ(Client(Channel(tls::ChannelCredentials(foreign))).End().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ingest_->stats().messages_in, 0u);
}

TEST_F(IngestTest, ACertificateThatNamesNoEdgeIsRefused) {
  Start();
  const grpc::Status status = Client(ChannelOf("breakwater://admin/alice")).End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("breakwater://admin/alice"));
  EXPECT_EQ(ingest_->stats().unauthenticated, 1u);
  EXPECT_EQ(sink_.Count<EdgeConnected>(), 0u);
}

TEST_F(IngestTest, ASessionBeginsWithOneHello) {
  Start();
  Client early(Edge());
  early.Say(Beat());
  const grpc::Status status = early.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("Hello"));
  Client twice(Edge());
  twice.Say(Hello());
  twice.Say(Hello());
  EXPECT_EQ(twice.End().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ingest_->stats().bad_messages, 2u);
  // Of the first, control never heard.
  EXPECT_EQ(sink_.Wait<EdgeDisconnected>().session, sink_.Wait<EdgeConnected>().session);
  EXPECT_EQ(sink_.Count<EdgeConnected>(), 1u);
}

TEST_F(IngestTest, NoHelloInTimeEndsTheStream) {
  Start();
  Client client(Edge());
  while (ingest_->stats().sessions == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ingest_->Sweep();
  EXPECT_EQ(ingest_->stats().sessions, 1u);
  clock_.Advance(absl::Seconds(11));
  ingest_->Sweep();
  const grpc::Status status = client.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("no Hello within 10s"));
}

// Bytes that are no message, or one that breaks a bound: that stream ends with a reason, its neighbour goes on.
class Garbage : public IngestTest {
 protected:
  grpc::Status Send(const std::string& method, const std::string& bytes) {
    const auto channel = Edge("bad");
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    grpc::CompletionQueue queue;
    const auto next = [&] {
      void* tag = nullptr;
      bool ok = false;
      queue.Next(&tag, &ok);
      return ok;
    };
    auto call = stub.PrepareCall(&context, method, &queue);
    call->StartCall(nullptr);
    next();
    const grpc::Slice slice(bytes);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    next();
    grpc::Status status;
    call->Finish(&status, nullptr);
    next();
    return status;
  }
};

TEST_F(Garbage, EndsItsOwnStreamAlone) {
  Start();
  Client neighbour(Edge("good"));
  ASSERT_TRUE(neighbour.Say(Hello()));
  sink_.Wait<EdgeConnected>();
  for (const char* method : {"/breakwater.v1.FleetService/Session", "/breakwater.v1.TelemetryService/Stream"}) {
    const grpc::Status garbage = Send(method, "\xff\xff\xff not a message");
    EXPECT_EQ(garbage.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
    EXPECT_THAT(garbage.error_message(), HasSubstr("isn't a"));
    const grpc::Status huge = Send(method, std::string(5 << 20, 'x'));
    EXPECT_EQ(huge.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << method;
  }
  v1::EdgeMessage over = Hello();
  over.mutable_hello()->set_software_version(std::string(65, 'v'));
  const grpc::Status bound = Send("/breakwater.v1.FleetService/Session", over.SerializeAsString());
  EXPECT_EQ(bound.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(bound.error_message(), HasSubstr("65"));
  EXPECT_EQ(ingest_->stats().bad_messages, 3u);
  ASSERT_TRUE(neighbour.Say(Beat(5)));
  EXPECT_EQ(sink_.Wait<EdgeSaid>().message.heartbeat().rules_installed(), 5u);
}

TEST_F(IngestTest, APeerThatDoesNotReadLosesItsOwnStreamAlone) {
  Options options;
  options.max_send_messages = 32;
  Start(options);
  Client deaf(Edge("deaf"));
  deaf.Say(Hello());
  const auto deaf_session = sink_.Wait<EdgeConnected>(0).session;
  Client neighbour(Edge("good"));
  neighbour.Say(Hello());
  const auto good_session = sink_.Wait<EdgeConnected>(1).session;

  v1::CoordinatorMessage large;
  large.mutable_manifest()->set_content(std::string(60000, 'm'));
  for (int i = 0; i < 400 && ingest_->stats().slow_peers == 0; ++i) ingest_->Send(deaf_session, large);
  EXPECT_EQ(ingest_->stats().slow_peers, 1u);
  ingest_->Send(good_session, large);
  v1::CoordinatorMessage heard;
  ASSERT_TRUE(neighbour.Hear(heard));
  EXPECT_EQ(heard.manifest().content().size(), 60000u);

  clock_.Advance(absl::Seconds(6));
  ingest_->Sweep();
  const auto gone = sink_.Wait<EdgeDisconnected>();
  EXPECT_EQ(gone.session, deaf_session);
  EXPECT_THAT(gone.reason, HasSubstr("doesn't read"));
  EXPECT_FALSE(deaf.End().ok());
}

TEST_F(IngestTest, ReadsOnOnlyWhenTheStrandHasTakenWhatItRead) {
  Options options;
  options.max_session_events = 4;
  Start(options);
  sink_.Hold();
  Client client(Edge());
  client.Say(Hello());
  for (uint32_t i = 0; i < 10; ++i) client.Say(Beat(i));
  sink_.Wait<EdgeSaid>(2);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(sink_.Count<EdgeSaid>(), 3u);  // and the Hello
  sink_.Release();
  EXPECT_EQ(sink_.Wait<EdgeSaid>(9).message.heartbeat().rules_installed(), 9u);
}

TEST_F(IngestTest, WhatWaitsOfAllEdgesTogetherIsBounded) {
  Options options;
  options.max_waiting_bytes = 1;
  Start(options);
  Client other(Edge("other"));
  other.Say(Hello());
  sink_.Wait<EdgeConnected>(0);
  sink_.Hold();
  Client client(Edge());
  client.Say(Hello());
  sink_.Wait<EdgeConnected>(1);
  client.Say(Beat(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  // Over the budget with its Hello, it reads no more; the other was reading before and may deliver one.
  EXPECT_EQ(sink_.Count<EdgeSaid>(), 0u);
  other.Say(Beat(2));
  other.Say(Beat(3));
  sink_.Wait<EdgeSaid>(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(sink_.Count<EdgeSaid>(), 1u);
  sink_.Release();
  sink_.Wait<EdgeSaid>(2);
}

TEST_F(IngestTest, ClosesOneOfTwoSessionsOfOneEdgeWithItsReason) {
  Start();
  Client first(Edge());
  first.Say(Hello());
  const auto old_session = sink_.Wait<EdgeConnected>(0).session;
  Client second(Edge());
  second.Say(Hello());
  const auto new_session = sink_.Wait<EdgeConnected>(1).session;
  EXPECT_NE(old_session, new_session);
  v1::CoordinatorMessage last;
  last.mutable_go_away()->set_reason("replaced");
  ingest_->Send(old_session, last);
  ingest_->Close(old_session, absl::AbortedError("another session of this edge took over"));
  v1::CoordinatorMessage heard;
  ASSERT_TRUE(first.Hear(heard));
  EXPECT_EQ(heard.go_away().reason(), "replaced");
  const grpc::Status status = first.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(status.error_message(), HasSubstr("took over"));
  ASSERT_TRUE(second.Say(Beat(3)));
  EXPECT_EQ(sink_.Wait<EdgeSaid>().session, new_session);
}

TEST_F(IngestTest, HoldsTheLimitOnSessions) {
  Options options;
  options.max_sessions = 1;
  Start(options);
  Client first(Edge("one"));
  first.Say(Hello());
  sink_.Wait<EdgeConnected>();
  const grpc::Status status = Client(Edge("two")).End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("edges.max_sessions"));
  EXPECT_EQ(ingest_->stats().over_limit, 1u);
}

TEST_F(IngestTest, TelemetryCarriesGoodAndBadWindowsApart) {
  Start();
  const auto channel = Edge();
  const auto stub = v1::TelemetryService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const auto stream = stub->Stream(&context);
  v1::TelemetryUp up;
  std::mt19937_64 random(1);
  const window::Window good = window::testing::RandomWindow(random);
  const absl::StatusOr<v1::Window> wire = window::ToProto(good);
  ASSERT_TRUE(wire.ok()) << wire.status();
  *up.add_windows() = *wire;
  *up.add_windows() = *wire;
  up.mutable_windows(1)->set_slots(11);
  ASSERT_TRUE(stream->Write(up));
  EXPECT_EQ(sink_.Wait<TelemetryConnected>().edge.id, "ams-1");
  const auto arrived = sink_.Wait<WindowsArrived>();
  EXPECT_EQ(arrived.bytes, up.ByteSizeLong());
  ASSERT_EQ(arrived.windows.size(), 2u);
  EXPECT_TRUE(arrived.windows[0].ok());
  EXPECT_THAT(std::string(arrived.windows[1].status().message()), HasSubstr("slots"));

  v1::TelemetryDown down;
  down.mutable_credits()->set_bytes(1000);
  ingest_->SendTelemetry(arrived.stream, down);
  v1::TelemetryDown heard;
  ASSERT_TRUE(stream->Read(&heard));
  EXPECT_EQ(heard.credits().bytes(), 1000u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(sink_.Wait<TelemetryDisconnected>().stream, arrived.stream);
}

TEST_F(IngestTest, MoreThanSixteenWindowsAtOnceAreRefused) {
  Start();
  const auto channel = Edge();
  const auto stub = v1::TelemetryService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const auto stream = stub->Stream(&context);
  v1::TelemetryUp up;
  for (int i = 0; i < 17; ++i) up.add_windows();
  ASSERT_TRUE(stream->Write(up));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("17"));
}

TEST_F(IngestTest, SaysThatItEnrolsNobody) {
  Start();
  const auto channel = Edge();
  const auto stub = v1::FleetService::NewStub(channel);
  grpc::ClientContext context;
  v1::EnrollResponse response;
  const grpc::Status status = stub->Enroll(&context, v1::EnrollRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("breakwater://edge/REGION/ID"));
}

TEST_F(IngestTest, SaysGoodbyeAndTakesNobodyNew) {
  Start();
  Client client(Edge());
  client.Say(Hello());
  sink_.Wait<EdgeConnected>();
  ingest_->GoAway(absl::Seconds(2), "the coordinator stops");
  v1::CoordinatorMessage heard;
  ASSERT_TRUE(client.Hear(heard));
  EXPECT_EQ(heard.go_away().jitter_ms(), 2000u);
  EXPECT_EQ(client.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Client(Edge()).End().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(IngestTest, SaysWhenTheAddressIsTaken) {
  Start();
  Options options;
  options.listen = absl::StrCat("127.0.0.1:", ingest_->port());
  options.tls = ca_.Issue({.uri = {}, .dns = "localhost", .ip = {}});
  const auto second = Ingest::Start(options, sink_, clock_);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(options.listen));
}

}  // namespace
}  // namespace breakwater::ingest
