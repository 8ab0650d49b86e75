#include "common/http/http.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/http/address.h"
#include "common/http/client.h"
#include "common/http/server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::http {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Router TestRouter() {
  Router router;
  router.Get("/hello", [](const Request& r) { return Text(200, "hello " + r.query + "\n"); });
  router.Post("/echo", [](const Request& r) { return Json(200, r.body); });
  router.Get("/throws", [](const Request&) -> Response { throw std::runtime_error("handler broke"); });
  return router;
}

std::unique_ptr<Server> StartTcp(ServerOptions options = {}) {
  options.tcp = "127.0.0.1:0";
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options, TestRouter());
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

std::string Target(const Server& server) { return absl::StrCat("127.0.0.1:", server.port()); }

// A connection that sends what HTTP clients don't.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof(a)), 0);
    timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  }
  ~RawClient() { close(fd_); }
  void Send(std::string_view bytes) { (void)!send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Until the server closes.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    for (;;) {
      const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
      if (n <= 0) return all;
      all.append(buffer, static_cast<size_t>(n));
    }
  }

 private:
  int fd_;
};

TEST(Query, FindsKeys) {
  EXPECT_TRUE(HasQueryKey("verbose", "verbose"));
  EXPECT_TRUE(HasQueryKey("a=1&verbose=1", "verbose"));
  EXPECT_FALSE(HasQueryKey("verbosely", "verbose"));
  EXPECT_FALSE(HasQueryKey("", "verbose"));
}

TEST(Query, GivesDecodedValues) {
  EXPECT_EQ(QueryValue("a=1&b=x%2Fy+z&b=2", "b"), "x/y z");
  EXPECT_EQ(QueryValue("a", "a"), "");
  EXPECT_EQ(QueryValue("a=1", "b"), std::nullopt);
  EXPECT_EQ(QueryValue("a=%zz", "a"), "%zz");
  EXPECT_THAT(QueryKeys("a=1&b&c=2"), testing::ElementsAre("a", "b", "c"));
}

TEST(PercentDecode, RefusesWhatIsCutOrHidesAZero) {
  EXPECT_EQ(PercentDecode("a%20b+c"), "a b+c");
  EXPECT_EQ(PercentDecode("%2f%2F"), "//");
  for (const char* bad : {"%", "%2", "%2g", "a%00b", "%%20"}) EXPECT_EQ(PercentDecode(bad), std::nullopt) << bad;
}

TEST(Router, FillsTheNamesOfAPattern) {
  Router router;
  router.Get("/rules/{id}", [](const Request& r) { return Text(200, r.params.at("id")); });
  router.Get("/rules/new", [](const Request&) { return Text(200, "fixed"); });
  router.Get("/a/{x}/b/{y}", [](const Request& r) { return Text(200, r.params.at("x") + "-" + r.params.at("y")); });
  EXPECT_EQ(router.Handle({.path = "/rules/r%2D1"}).body, "r-1");
  EXPECT_EQ(router.Handle({.path = "/rules/new"}).body, "fixed");
  EXPECT_EQ(router.Handle({.path = "/a/1/b/2"}).body, "1-2");
  for (const char* none : {"/rules/", "/rules", "/rules/a/b", "/rules/%zz", "/a/1/c/2"}) {
    EXPECT_EQ(router.Handle({.path = none}).status, 404) << none;
  }
  EXPECT_EQ(router.Handle({.method = "POST", .path = "/rules/x"}).allow, "GET, HEAD");
  EXPECT_THAT(router.Routes(), testing::ElementsAre("GET /a/{x}/b/{y}", "GET /rules/new", "GET /rules/{id}"));
}

TEST(Router, DecoratesErrorsToo) {
  Router router = TestRouter();
  router.Decorate(
      [](const Request& request, Response& response) { response.headers.emplace_back("X-Path", request.path); });
  for (const char* path : {"/hello", "/nope", "/throws"}) {
    EXPECT_THAT(router.Handle({.path = path}).headers, testing::Contains(testing::Pair("X-Path", path)));
  }
}

TEST(Router, SaysWhatThereIsInstead) {
  const Router router = TestRouter();
  EXPECT_EQ(router.Handle({.path = "/hello"}).status, 200);
  const Response missing = router.Handle({.path = "/nope"});
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("/hello"));
  const Response wrong = router.Handle({.method = "DELETE", .path = "/echo"});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.allow, "POST");
}

TEST(Problem, QuotesBrokenTextSafely) {
  const Response r = Problem(400, "got \xff\"\n");
  EXPECT_THAT(r.body, HasSubstr("\\\"\\n"));
  EXPECT_EQ(r.content_type, "application/problem+json");
}

TEST(Address, ReadsBothFamiliesAndRefusesTheRest) {
  EXPECT_EQ(ParseSocketAddress("127.0.0.1:9550")->port, 9550);
  EXPECT_EQ(ParseSocketAddress("[::1]:80")->address.ToString(), "::1");
  for (const char* bad : {"", "127.0.0.1", "localhost:80", "::1:80", "[127.0.0.1]:80", "127.0.0.1:65536",
                          "127.0.0.1:", "127.0.0.1:+1", "127.0.0.1:8x"}) {
    EXPECT_FALSE(ParseSocketAddress(bad).ok()) << bad;
  }
}

TEST(Server, AnswersGetHeadAndPost) {
  const auto server = StartTcp();
  const auto get = Fetch(Target(*server), {.path = "/hello", .query = "a=b"});
  ASSERT_TRUE(get.ok()) << get.status();
  EXPECT_EQ(get->body, "hello a=b\n");
  EXPECT_THAT(get->content_type, StartsWith("text/plain"));
  const auto head = Fetch(Target(*server), {.method = "HEAD", .path = "/hello"});
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
  const auto post = Fetch(Target(*server), {.method = "POST", .path = "/echo", .body = "{\"a\":1}"});
  ASSERT_TRUE(post.ok()) << post.status();
  EXPECT_EQ(post->body, "{\"a\":1}");
  EXPECT_EQ(Fetch(Target(*server), {.path = "/echo"})->status, 405);
  EXPECT_EQ(server->stats().requests, 4u);
}

TEST(Server, KeepsAConnectionForSeveralRequests) {
  const auto server = StartTcp();
  RawClient client(server->port());
  client.Send("GET /hello?1 HTTP/1.1\r\nHost: x\r\n\r\nGET /hello?2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string all = client.ReadAll();
  EXPECT_THAT(all, HasSubstr("hello 1"));
  EXPECT_THAT(all, HasSubstr("hello 2"));
}

TEST(Server, RefusesABodyOverTheLimit) {
  const auto server = StartTcp();
  const auto at_limit =
      Fetch(Target(*server), {.method = "POST", .path = "/echo", .body = std::string(64 * 1024, 'x')});
  ASSERT_TRUE(at_limit.ok()) << at_limit.status();
  EXPECT_EQ(at_limit->status, 200);
  RawClient client(server->port());
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 413"));
  RawClient chunked(server->port());
  chunked.Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" +
               std::string(0x20000, 'y'));
  EXPECT_THAT(chunked.ReadAll(), StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(server->stats().bad_requests, 2u);
}

TEST(Server, RefusesAHeaderOverTheLimit) {
  const auto server = StartTcp();
  RawClient client(server->port());
  client.Send("GET /hello HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 431"));
}

TEST(Server, AnswersNonsenseWith400AndGoesOn) {
  const auto server = StartTcp();
  for (const std::string_view nonsense :
       {"\r\n\r\n\r\n\r\nx", "GET\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "GET / HTTP/9.9\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: banana\r\n\r\n"}) {
    RawClient client(server->port());
    client.Send(nonsense);
    EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 400")) << nonsense;
  }
  EXPECT_EQ(Fetch(Target(*server), {.path = "/hello"})->status, 200);
}

TEST(Server, CutsOffASlowClientAndAnIdleOne) {
  ServerOptions options;
  options.timeout = absl::Milliseconds(200);
  const auto server = StartTcp(options);
  RawClient idle(server->port());
  RawClient slow(server->port());
  const absl::Time start = absl::Now();
  std::thread drip([&] {
    // One byte every 50 ms would go on for seconds; the deadline is for the whole request.
    for (const char c : std::string("GET /hello HTTP/1.1\r\nHost: x\r\nX: 1234567890\r\n\r\n")) {
      slow.Send(std::string(1, c));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (absl::Now() - start > absl::Seconds(2)) break;
    }
  });
  EXPECT_EQ(slow.ReadAll(), "");
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
  EXPECT_EQ(idle.ReadAll(), "");
  drip.join();
  EXPECT_EQ(server->stats().bad_requests, 1u);
}

TEST(Server, RefusesConnectionsOverTheLimitAndRecovers) {
  ServerOptions options;
  options.max_connections = 2;
  const auto server = StartTcp(options);
  {
    RawClient a(server->port());
    RawClient b(server->port());
    a.Send("GET /hello HTTP/1.1\r\nHost: x\r\n");
    b.Send("GET /hello HTTP/1.1\r\nHost: x\r\n");
    RawClient c(server->port());
    EXPECT_EQ(c.ReadAll(), "");
    EXPECT_EQ(server->stats().refused_connections, 1u);
  }
  absl::StatusOr<Response> again = absl::UnavailableError("not asked yet");
  for (int i = 0; i < 100 && !again.ok(); ++i) {
    again = Fetch(Target(*server), {.path = "/hello"});
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->status, 200);
}

TEST(Server, AHandlerThatThrowsEndsOnlyItsConnection) {
  const auto server = StartTcp();
  const auto broken = Fetch(Target(*server), {.path = "/throws"});
  ASSERT_TRUE(broken.ok()) << broken.status();
  EXPECT_EQ(broken->status, 500);
  EXPECT_EQ(Fetch(Target(*server), {.path = "/hello"})->status, 200);
}

TEST(Server, AnswersMayComeLaterFromAnotherThread) {
  std::mutex mutex;
  std::vector<Reply> waiting;
  Router router;
  router.Async("GET", "/later", [&](const Request&, Reply reply) {
    std::lock_guard lock(mutex);
    waiting.push_back(std::move(reply));
  });
  router.Get("/now", [](const Request& r) { return Text(200, std::string(r.Header("x-name"))); });
  ServerOptions options;
  options.tcp = "127.0.0.1:0";
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options, std::move(router));
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string target = Target(**server);
  std::thread asker([&] {
    EXPECT_EQ(Fetch(target, {.path = "/later"})->body, "at last");
    // Nobody keeps the reply: the server says so instead of leaving the client alone.
    EXPECT_EQ(Fetch(target, {.path = "/later"})->status, 500);
  });
  const auto take = [&] {
    for (;;) {
      {
        std::lock_guard lock(mutex);
        if (!waiting.empty()) {
          Reply reply = std::move(waiting.back());
          waiting.pop_back();
          return reply;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  const Reply first = take();
  // Others are answered meanwhile.
  EXPECT_EQ(Fetch(target, {.path = "/now", .headers = {{"X-Name", "me"}}})->body, "me");
  first([] { return Text(200, "at last"); });
  first([] { return Text(200, "twice"); });
  take();
  asker.join();
  // One that comes when the server is gone harms nobody.
  std::thread late([&] { EXPECT_FALSE(Fetch(target, {.path = "/later"}).ok()); });
  Reply last = take();
  server->reset();
  last([] { return Text(200, "too late"); });
  last = nullptr;
  late.join();
}

TEST(Server, SendsWhatHasStaticStorage) {
  static const std::string kBody(300000, 's');
  Router router;
  router.Get("/static", [](const Request&) {
    Response response = Text(200, "");
    response.static_body = kBody;
    response.headers = {{"Cache-Control", "public"}, {"ETag", "\"1\""}};
    return response;
  });
  ServerOptions options;
  options.tcp = "127.0.0.1:0";
  const auto server = Server::Start(options, std::move(router));
  ASSERT_TRUE(server.ok()) << server.status();
  const auto got = Fetch(Target(**server), {.path = "/static"});
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->body, kBody);
  EXPECT_THAT(got->headers, testing::Contains(testing::Pair("Cache-Control", "public")));
  EXPECT_THAT(got->headers, testing::Contains(testing::Pair("ETag", "\"1\"")));
  EXPECT_EQ(Fetch(Target(**server), {.method = "HEAD", .path = "/static"})->body, "");
}

class UnixServer : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/breakwater-http-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/s";
  }
  void TearDown() override {
    unlink(path_.c_str());
    rmdir(directory_.c_str());
  }
  absl::StatusOr<std::unique_ptr<Server>> Start() {
    ServerOptions options;
    options.unix_path = path_;
    return Server::Start(options, TestRouter());
  }
  std::string directory_;
  std::string path_;
};

TEST_F(UnixServer, ServesWithMode0600AndRemovesItsSocket) {
  {
    const auto server = Start();
    ASSERT_TRUE(server.ok()) << server.status();
    struct stat st {};
    ASSERT_EQ(stat(path_.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    EXPECT_EQ(Fetch("unix:" + path_, {.path = "/hello"})->status, 200);
  }
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(UnixServer, ReplacesAStaleSocketButNotALiveOneOrAFile) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::strcpy(a.sun_path, path_.c_str());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof(a)), 0);
  close(fd);
  const auto server = Start();
  ASSERT_TRUE(server.ok()) << server.status();
  const auto second = Start();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("already running"));
  EXPECT_EQ(Fetch("unix:" + path_, {.path = "/hello"})->status, 200);
  const std::string file = directory_ + "/f";
  std::ofstream(file) << "precious";
  ServerOptions options;
  options.unix_path = file;
  EXPECT_THAT(std::string(Server::Start(options, TestRouter()).status().message()), HasSubstr("is no socket"));
  unlink(file.c_str());
}

TEST_F(UnixServer, SaysWhenAPathIsTooLong) {
  path_ = "/tmp/" + std::string(200, 'x');
  EXPECT_THAT(std::string(Start().status().message()), HasSubstr("the limit is 107"));
}

TEST(Server, SaysWhenTheAddressIsTaken) {
  const auto server = StartTcp();
  ServerOptions options;
  options.tcp = Target(*server);
  const auto second = Server::Start(options, TestRouter());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("can't listen on 127.0.0.1"));
}

TEST(Client, ErrorsSayWhatWentWrong) {
  EXPECT_EQ(Fetch("unix:/nonexistent/socket", {.path = "/"}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Fetch("nonsense", {.path = "/"}).status().code(), absl::StatusCode::kInvalidArgument);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof(a)), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  socklen_t length = sizeof(a);
  getsockname(fd, reinterpret_cast<sockaddr*>(&a), &length);
  // Accepts and never answers.
  const auto silent = Fetch(absl::StrCat("127.0.0.1:", ntohs(a.sin_port)), {.path = "/"}, absl::Milliseconds(100));
  EXPECT_EQ(silent.status().code(), absl::StatusCode::kDeadlineExceeded) << silent.status();
  close(fd);
}

}  // namespace
}  // namespace breakwater::http
