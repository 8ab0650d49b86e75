#include "coordinator/api/live.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/http/server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FakeSource : public LiveSource {
 public:
  v1::OverviewView Overview() override {
    ++looks;
    return overview;
  }
  v1::TrafficView Traffic(const v1::TrafficRequest&) override { return {}; }
  v1::EdgesView Edges(const v1::ListEdgesRequest&) override { return {}; }
  v1::AttacksView Attacks(const v1::ListAttacksRequest&) override { return attacks; }
  v1::RulesView Rules(const v1::ListRulesRequest&) override { return {}; }

  v1::OverviewView overview;
  v1::AttacksView attacks;
  int looks = 0;
};

// A page's EventSource, with its own pace.
class Listener {
 public:
  Listener(uint16_t port, const std::string& topics, int receive_buffer = 0) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof(a)), 0);
    const std::string request =
        absl::StrCat("GET /stream?topics=", topics, " HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
    EXPECT_EQ(send(fd_, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  }
  ~Listener() { close(fd_); }

  // Everything until text came, or the server closed, or 20 s went by.
  const std::string& ReadUntil(const std::string& text) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    size_t from = 0;
    while (std::chrono::steady_clock::now() < give_up) {
      if (all_.find(text, from) != std::string::npos) break;
      from = all_.size() - std::min(all_.size(), text.size());
      pollfd waiting{fd_, POLLIN, 0};
      if (poll(&waiting, 1, 100) <= 0) continue;
      char buffer[65536];
      const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
      if (n <= 0) break;
      all_.append(buffer, static_cast<size_t>(n));
    }
    return all_;
  }
  // Forgets what came so far.
  void Forget() { all_.clear(); }
  size_t Count(const std::string& text) const {
    size_t count = 0;
    for (size_t at = all_.find(text); at != std::string::npos; at = all_.find(text, at + 1)) ++count;
    return count;
  }

 private:
  int fd_;
  std::string all_;
};

class LiveTest : public testing::Test {
 protected:
  void Start(http::EventHub::Options options = {}) {
    options.topics = Live::Topics();
    hub_ = std::make_shared<http::EventHub>(options);
    http::Router router;
    router.Get("/stream", [hub = hub_](const http::Request& request) {
      const bool all = http::QueryValue(request.query, "topics") == "all";
      return hub->Listen(all ? std::vector<size_t>{0, 1, 2, 3, 4} : std::vector<size_t>{0, 3});
    });
    router.Get("/hello", [](const http::Request&) { return http::Text(200, "hello\n"); });
    http::ServerOptions server;
    server.tcp = "127.0.0.1:0";
    absl::StatusOr<std::unique_ptr<http::Server>> started = http::Server::Start(server, std::move(router));
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    live_.emplace(hub_);
  }
  void TearDown() override {
    live_.reset();
    server_.reset();
  }
  void WaitForListeners(size_t n) {
    for (int i = 0; i < 2000 && hub_->listeners() != n; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_EQ(hub_->listeners(), n);
  }
  void Tick(absl::Duration step = absl::Milliseconds(100)) {
    now_ += step;
    live_->Tick(source_, now_);
    live_->Flush();
  }

  FakeSource source_;
  std::shared_ptr<http::EventHub> hub_;
  std::unique_ptr<http::Server> server_;
  std::optional<Live> live_;
  absl::Duration now_ = absl::Seconds(1000);
};

TEST_F(LiveTest, NobodyListensNothingIsBuilt) {
  Start();
  for (int i = 0; i < 50; ++i) Tick();
  EXPECT_EQ(source_.looks, 0);
  EXPECT_EQ(hub_->stats().events, 0u);
}

TEST_F(LiveTest, AListenerGetsAllItsTopicsAtOnceAndThenChanges) {
  Start();
  Listener listener(server_->port(), "some");
  WaitForListeners(1);
  source_.overview.set_coordinator("first");
  Tick();
  const std::string start = listener.ReadUntil("event: attacks");
  EXPECT_THAT(start, HasSubstr("200 OK"));
  EXPECT_THAT(start, HasSubstr("text/event-stream"));
  EXPECT_THAT(start, HasSubstr("retry: 2000\n\n"));
  EXPECT_THAT(start, HasSubstr("event: overview\ndata: {"));
  EXPECT_THAT(start, Not(HasSubstr("event: rules")));
  // The same again isn't said again.
  const uint64_t events = hub_->stats().events;
  for (int i = 0; i < 30; ++i) Tick();
  EXPECT_EQ(hub_->stats().events, events);
  source_.overview.set_coordinator("second");
  for (int i = 0; i < 11; ++i) Tick();
  EXPECT_EQ(hub_->stats().events, events + 1);
  EXPECT_THAT(listener.ReadUntil("second"), HasSubstr("second"));
}

TEST_F(LiveTest, AChangingTopicComesOnceASecondAndStatesSooner) {
  Start();
  Listener listener(server_->port(), "some");
  WaitForListeners(1);
  Tick();
  const uint64_t before = hub_->stats().events;
  for (int i = 0; i < 50; ++i) {
    source_.overview.set_now_unix_s(i + 1);
    Tick();
  }
  EXPECT_EQ(hub_->stats().events - before, 5u);
  // An attack's state is published in the tick that sees it, at most four times a second.
  for (int i = 0; i < 20; ++i) Tick();
  const uint64_t calm = hub_->stats().events;
  source_.attacks.add_attacks()->set_id("a-1");
  Tick();
  EXPECT_EQ(hub_->stats().events, calm + 1);
  for (int i = 0; i < 10; ++i) {
    source_.attacks.mutable_attacks(0)->set_state(absl::StrCat("state", i));
    Tick();
  }
  const uint64_t burst = hub_->stats().events - calm - 1;
  EXPECT_GE(burst, 3u);
  EXPECT_LE(burst, 5u);
}

TEST_F(LiveTest, ASlowListenerMissesWhatIsOldAndHarmsNobody) {
  http::EventHub::Options options;
  options.write_timeout = absl::Seconds(60);
  Start(options);
  Listener slow(server_->port(), "some", 4096);
  Listener quick(server_->port(), "some");
  WaitForListeners(2);
  const std::string large(200000, 'x');
  size_t quick_events = 0;
  for (int i = 0; i < 40; ++i) {
    source_.overview.set_coordinator(absl::StrCat(large, "-", i, "-"));
    Tick(absl::Seconds(1));
    quick.ReadUntil(absl::StrCat("x-", i, "-"));
    quick_events += quick.Count("event: overview");
    quick.Forget();
  }
  EXPECT_EQ(quick_events, 40u);
  EXPECT_GT(hub_->stats().skipped, 0u);
  // When it reads again, it gets what is newest.
  EXPECT_NE(slow.ReadUntil("x-39-").find("x-39-"), std::string::npos);
  EXPECT_LT(slow.Count("event: overview"), 40u);
  EXPECT_EQ(hub_->stats().cut_off, 0u);
}

TEST_F(LiveTest, AStuckListenerIsCutOffAndCounted) {
  http::EventHub::Options options;
  options.write_timeout = absl::Milliseconds(200);
  options.max_unsent = 16 * 1024;
  Start(options);
  Listener stuck(server_->port(), "some", 4096);
  WaitForListeners(1);
  source_.overview.set_coordinator(std::string(4 << 20, 'x'));
  Tick();
  WaitForListeners(0);
  EXPECT_EQ(hub_->stats().cut_off, 1u);
  const auto hello = http::Fetch(absl::StrCat("127.0.0.1:", server_->port()), {.path = "/hello"});
  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_EQ(hello->status, 200);
}

TEST_F(LiveTest, OneWhoLeavesIsForgottenAndTheLimitHolds) {
  http::EventHub::Options options;
  options.max_listeners = 2;
  Start(options);
  {
    Listener one(server_->port(), "some");
    Listener two(server_->port(), "some");
    WaitForListeners(2);
    const auto third = http::Fetch(absl::StrCat("127.0.0.1:", server_->port()), {.path = "/stream"});
    ASSERT_TRUE(third.ok()) << third.status();
    EXPECT_EQ(third->status, 503);
    EXPECT_EQ(hub_->stats().refused, 1u);
  }
  WaitForListeners(0);
  Listener again(server_->port(), "some");
  WaitForListeners(1);
  EXPECT_EQ(hub_->stats().cut_off, 0u);
}

TEST_F(LiveTest, AQuietStreamBeats) {
  http::EventHub::Options options;
  options.heartbeat = absl::Milliseconds(50);
  Start(options);
  Listener listener(server_->port(), "some");
  EXPECT_THAT(listener.ReadUntil(": still here\n\n: still here\n\n"), HasSubstr(": still here\n\n: still here\n\n"));
}

}  // namespace
}  // namespace breakwater::api
