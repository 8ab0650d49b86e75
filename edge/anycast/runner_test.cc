#include "edge/anycast/runner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::anycast {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kSoon = absl::Seconds(10);

bool Eventually(const std::function<bool()>& condition) {
  const absl::Time end = absl::Now() + kSoon;
  while (!condition()) {
    if (absl::Now() > end) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

// Accepts connections one after the other, each with its own thread-less session in `serve`, until it is gone.
class Server {
 public:
  // serve(fd) returns when the session is over; it may look at stopping().
  Server(int listener, std::function<void(Server&, int)> serve)
      : listener_(listener), serve_(std::move(serve)), thread_([this] { Run(); }) {}
  ~Server() {
    stop_ = true;
    thread_.join();
    close(listener_);
  }
  bool stopping() const { return stop_; }

  // A line without its end; empty when the peer went or the server stops.
  std::string Line(int fd) {
    std::string line;
    char c = 0;
    while (!stop_) {
      pollfd look{fd, POLLIN, 0};
      if (poll(&look, 1, 10) == 0) continue;
      if (recv(fd, &c, 1, 0) <= 0) return "";
      if (c == '\n') return line;
      line += c;
    }
    return "";
  }
  static void Say(int fd, const std::string& text) {
    [[maybe_unused]] const ssize_t n = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }

 private:
  void Run() {
    while (!stop_) {
      pollfd look{listener_, POLLIN, 0};
      if (poll(&look, 1, 10) <= 0) continue;
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) continue;
      serve_(*this, fd);
      close(fd);
    }
  }

  const int listener_;
  const std::function<void(Server&, int)> serve_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

int ListenUnix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  unlink(path.c_str());
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd, 8), 0);
  return fd;
}

// A loopback listener and its port.
std::pair<int, uint16_t> ListenTcp() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(fd, 8), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return {fd, ntohs(address.sin_port)};
}

class FakeBird {
 public:
  explicit FakeBird(const std::string& path) : server_(ListenUnix(path), [this](Server& s, int fd) { Serve(s, fd); }) {}

  bool up(const std::string& name) {
    std::lock_guard lock(mutex_);
    return up_[name];
  }
  void Set(const std::string& name, bool on) {
    std::lock_guard lock(mutex_);
    up_[name] = on;
  }
  std::atomic<bool> mute = false;  // takes commands and never answers

 private:
  void Serve(Server& server, int fd) {
    if (!mute) Server::Say(fd, "0001 BIRD 2.0.12 ready.\n");
    for (std::string line = server.Line(fd); !line.empty(); line = server.Line(fd)) {
      if (mute) continue;
      const size_t quote = line.find('"');
      const std::string name = line.substr(quote + 1, line.size() - quote - 2);
      std::lock_guard lock(mutex_);
      if (line.starts_with("enable")) up_[name] = true;
      if (line.starts_with("disable")) up_[name] = false;
      // In two pieces, as a slow daemon may.
      Server::Say(fd, absl::StrCat("1002-", name, " Static master4 "));
      absl::SleepFor(absl::Milliseconds(1));
      Server::Say(fd, absl::StrCat(up_[name] ? "up" : "down", " 00:00:00.000\n0000 \n"));
    }
  }

  std::mutex mutex_;
  std::map<std::string, bool> up_;
  Server server_;
};

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() : directory(testing::TempDir() + absl::StrCat("/anycast-", getpid())) {
    mkdtempOrDie();
    settings.bird_socket = directory + "/bird.ctl";
    settings.announce = {"any4"};
    settings.deprefer = {"drain4"};
    settings.interval = absl::Milliseconds(100);
    settings.timeout = absl::Milliseconds(100);
    settings.rise = 1;
    settings.fall = 2;
    settings.drain_wait = absl::Milliseconds(300);
    settings.stop_wait = absl::Milliseconds(200);
    settings.flap_limit = 1000;
  }
  ~RunnerTest() override {
    runner.reset();
    for (const char* file : {"/bird.ctl", "/drained"}) unlink((directory + file).c_str());
    rmdir(directory.c_str());
  }

  void mkdtempOrDie() {
    directory += "-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
  }

  void Start() {
    absl::StatusOr<std::unique_ptr<Runner>> started =
        Runner::Start(settings, {clock::SystemClock(), registry,
                                 [this] {
                                   return DatapathHealth{datapath_ready, datapath_ready ? "ready" : "no filter"};
                                 },
                                 directory + "/drained"});
    ASSERT_TRUE(started.ok()) << started.status();
    runner = *std::move(started);
  }
  bool Becomes(Presence presence) {
    return Eventually([&] { return runner->Read().confirmed && runner->Read().presence == presence; });
  }

  std::string directory;
  Settings settings;
  metrics::Registry registry;
  std::atomic<bool> datapath_ready = true;
  std::unique_ptr<Runner> runner;
};

TEST_F(RunnerTest, AnnouncesWithdrawsAndAnnouncesAgainAsTheDatapathGoes) {
  FakeBird bird(settings.bird_socket);
  Start();
  ASSERT_TRUE(Becomes(Presence::kAnnounced)) << runner->Read().reason;
  EXPECT_TRUE(bird.up("any4"));
  EXPECT_EQ(runner->Read().reason, "");
  datapath_ready = false;
  ASSERT_TRUE(Becomes(Presence::kWithdrawn));
  EXPECT_FALSE(bird.up("any4") || bird.up("drain4"));
  EXPECT_EQ(runner->Read().reason, "datapath: no filter");
  datapath_ready = true;
  EXPECT_TRUE(Becomes(Presence::kAnnounced));
}

TEST_F(RunnerTest, ChecksOfTheGatewayDecide) {
  FakeBird bird(settings.bird_socket);
  const auto [listener, port] = ListenTcp();
  std::atomic<int> status = 200;
  Server gateway(listener, [&](Server& server, int fd) {
    std::string line;
    do line = server.Line(fd);
    while (line.size() > 1);
    if (status == 0) {  // says too little, too slowly
      while (!server.Line(fd).empty()) continue;
      return;
    }
    Server::Say(fd, absl::StrCat("HTTP/1.1 ", status.load(), " x\r\nContent-Length: 0\r\n\r\n"));
  });
  settings.checks = {{.name = "gateway",
                      .url = "test",
                      .address = {*net::IpAddress::Parse("127.0.0.1"), port},
                      .path = "/",
                      .host = "x",
                      .on_failure = Presence::kDeprefered}};
  Start();
  ASSERT_TRUE(Becomes(Presence::kAnnounced)) << runner->Read().reason;
  status = 502;
  ASSERT_TRUE(Becomes(Presence::kDeprefered)) << runner->Read().reason;
  EXPECT_TRUE(bird.up("drain4") && !bird.up("any4"));
  EXPECT_THAT(runner->Read().reason, HasSubstr("HTTP status 502"));
  status = 204;
  ASSERT_TRUE(Becomes(Presence::kAnnounced)) << runner->Read().reason;
  status = 0;
  ASSERT_TRUE(Becomes(Presence::kDeprefered));
  EXPECT_THAT(runner->Read().reason, HasSubstr("no answer"));
}

TEST_F(RunnerTest, ADrainOutlivesTheProcess) {
  FakeBird bird(settings.bird_socket);
  Start();
  ASSERT_TRUE(Becomes(Presence::kAnnounced));
  ASSERT_TRUE(runner->Drain(true, "new kernel").ok());
  EXPECT_TRUE(runner->Read().draining);
  EXPECT_TRUE(Eventually([&] { return bird.up("drain4") && !bird.up("any4"); }));
  ASSERT_TRUE(Becomes(Presence::kWithdrawn));
  EXPECT_EQ(runner->Read().reason, "drained: new kernel");
  runner.reset();
  bird.Set("any4", true);  // as if somebody had enabled it by hand
  Start();
  ASSERT_TRUE(Becomes(Presence::kWithdrawn));
  EXPECT_TRUE(Eventually([&] { return !bird.up("any4"); }));
  EXPECT_EQ(runner->Read().reason, "drained: new kernel");
  ASSERT_TRUE(runner->Drain(false, "").ok());
  EXPECT_TRUE(Becomes(Presence::kAnnounced));
  EXPECT_NE(access((directory + "/drained").c_str(), F_OK), 0);
}

TEST_F(RunnerTest, ADrainThatCantBeRememberedHoldsAndSaysSo) {
  FakeBird bird(settings.bird_socket);
  Start();
  ASSERT_TRUE(Becomes(Presence::kAnnounced));
  ASSERT_EQ(mkdir((directory + "/drained").c_str(), 0700), 0);
  EXPECT_THAT(runner->Drain(true, "x").message(), HasSubstr("can't write"));
  EXPECT_TRUE(Becomes(Presence::kWithdrawn));
  rmdir((directory + "/drained").c_str());
}

TEST_F(RunnerTest, StoppingDePrefersWaitsAndWithdraws) {
  FakeBird bird(settings.bird_socket);
  Start();
  ASSERT_TRUE(Becomes(Presence::kAnnounced));
  const absl::Time begin = absl::Now();
  runner->Stop();
  EXPECT_GE(absl::Now() - begin, settings.stop_wait);
  EXPECT_FALSE(bird.up("any4") || bird.up("drain4"));
}

TEST_F(RunnerTest, WhatSomebodyElseChangedIsPutRight) {
  FakeBird bird(settings.bird_socket);
  Start();
  ASSERT_TRUE(Becomes(Presence::kAnnounced));
  bird.Set("any4", false);  // BIRD was started anew, for one
  EXPECT_TRUE(Eventually([&] { return bird.up("any4"); }));
}

TEST_F(RunnerTest, AnAbsentBirdIsNamedAndItsReturnNoticed) {
  Start();
  ASSERT_TRUE(Eventually([&] { return runner->Read().wanted == Presence::kAnnounced; }));
  EXPECT_FALSE(runner->Read().confirmed);
  EXPECT_TRUE(Eventually([&] { return runner->Read().reason.find(settings.bird_socket) != std::string::npos; }))
      << runner->Read().reason;
  EXPECT_EQ(runner->Read().presence, Presence::kWithdrawn);
  FakeBird bird(settings.bird_socket);
  EXPECT_TRUE(Becomes(Presence::kAnnounced));
}

TEST_F(RunnerTest, AMuteBirdHoldsNothingUp) {
  FakeBird bird(settings.bird_socket);
  Start();
  ASSERT_TRUE(Becomes(Presence::kAnnounced));
  bird.mute = true;
  ASSERT_TRUE(Eventually([&] { return runner->Read().reason.find("in time") != std::string::npos; }));
  EXPECT_EQ(runner->Read().presence, Presence::kAnnounced);  // it may well go on announcing
  datapath_ready = false;                                    // the checks go on
  EXPECT_TRUE(Eventually([&] { return runner->Read().wanted == Presence::kWithdrawn; }));
  const absl::Time begin = absl::Now();
  runner->Stop();
  EXPECT_LT(absl::Now() - begin, settings.stop_wait + Runner::kBirdTimeout * 3);
  bird.mute = false;
  EXPECT_TRUE(Eventually([&] { return !bird.up("any4"); }));
}

TEST_F(RunnerTest, AStrangerAtTheSocketIsRefused) {
  const Server stranger(ListenUnix(settings.bird_socket), [](Server& server, int fd) {
    while (!server.stopping()) {
      const std::string garbage(65536, 'x');
      if (send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL) <= 0) return;
    }
  });
  Start();
  EXPECT_TRUE(Eventually([&] { return runner->Read().reason.find("over the limit") != std::string::npos; }))
      << runner->Read().reason;
  EXPECT_FALSE(runner->Read().confirmed);
}

TEST_F(RunnerTest, WithdrawNowNeedsNoRunner) {
  {
    FakeBird bird(settings.bird_socket);
    bird.Set("any4", true);
    bird.Set("drain4", true);
    EXPECT_TRUE(WithdrawNow(settings, absl::Seconds(5)).ok());
    EXPECT_FALSE(bird.up("any4") || bird.up("drain4"));
    bird.mute = true;
    EXPECT_EQ(WithdrawNow(settings, absl::Milliseconds(50)).code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_EQ(WithdrawNow(settings, absl::Seconds(5)).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace breakwater::anycast
