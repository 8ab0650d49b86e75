#include "edge/app/api.h"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "common/http/client.h"
#include "common/http/server.h"
#include "edge/app/testing.h"
#include "edge/app/view_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace breakwater::app {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

// A strand that only answers its mailbox, as the run loop does between slots.
class Strand {
 public:
  explicit Strand(service::Mailbox& mailbox)
      : mailbox_(mailbox), thread_([this] {
          while (!stop_) {
            mailbox_.RunAll();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        }) {}
  ~Strand() {
    stop_ = true;
    thread_.join();
  }

 private:
  service::Mailbox& mailbox_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class Api : public testing::Test {
 protected:
  void SetUp() override {
    edge_.Start();
    edge_.Run(absl::Seconds(2));
  }
  ApiParts Parts() { return {edge_.daemon(), mailbox_, edge_.health(), edge_.registry(), edge_.metrics()}; }
  http::Response Get(const std::string& path, const std::string& query = "") {
    Strand strand(mailbox_);
    return AdminRouter(Parts()).Handle({.path = path, .query = query});
  }
  http::Response Post(const std::string& path, const std::string& body) {
    Strand strand(mailbox_);
    return AdminRouter(Parts()).Handle({.method = "POST", .path = path, .body = body});
  }

  TestEdge edge_;
  service::Mailbox mailbox_;
};

TEST_F(Api, StatusSaysHowTheEdgeIs) {
  const http::Response r = Get("/v1/status");
  ASSERT_EQ(r.status, 200);
  const Json s = Json::parse(r.body);
  EXPECT_EQ(s["edge"], "test");
  EXPECT_EQ(s["ready"], true);
  EXPECT_EQ(s["panic"], false);
  EXPECT_EQ(s["panic_since"], nullptr);
  EXPECT_EQ(s["interfaces"][0]["name"], "eth0");
  EXPECT_EQ(s["last_second"]["packets"], 20);
  EXPECT_EQ(s["verdicts"]["pass_declared"]["packets"], 40);
  EXPECT_EQ(s["slots"], 20);
  EXPECT_EQ(s["started"], "2023-11-14T22:13:20.000Z");
}

TEST_F(Api, RulesAndAttacksOfAFlood) {
  EXPECT_EQ(Json::parse(Get("/v1/attacks").body), Json::parse(R"({"attacks": []})"));
  edge_.Run(absl::Seconds(30));
  edge_.Run(absl::Seconds(3), {.syn_flood_pps = 20000});
  const Json attacks = Json::parse(Get("/v1/attacks").body)["attacks"];
  ASSERT_THAT(attacks, Not(IsEmpty()));
  EXPECT_EQ(attacks[0]["vector"], "tcp.syn");
  EXPECT_EQ(attacks[0]["target"], "203.0.113.7");
  EXPECT_EQ(attacks[0]["ended"], nullptr);
  EXPECT_TRUE(attacks[0]["first_drop"].is_string());
  const Json rules = Json::parse(Get("/v1/rules").body)["rules"];
  ASSERT_THAT(rules, Not(IsEmpty()));
  EXPECT_EQ(rules[0]["state"], "matching");
  EXPECT_EQ(rules[0]["mode"], "enforce");
  EXPECT_EQ(rules[0]["attack"], attacks[0]["id"]);
  EXPECT_GT(rules[0]["matched_pps"], 10000);
  EXPECT_GT(rules[0]["lease_s"], 50);
  EXPECT_LE(rules[0]["lease_s"], 60);
  EXPECT_THAT(rules[0]["match"].get<std::string>(), HasSubstr("tcp.flags == syn"));
  const Json status = Json::parse(Get("/v1/status").body);
  EXPECT_EQ(status["attacks_active"], attacks.size());
  EXPECT_GE(status["rules"]["matching"], 1);
}

TEST_F(Api, PanicOnAndOff) {
  EXPECT_EQ(Post("/v1/panic", R"({"on": true, "reason": "test"})").status, 200);
  EXPECT_TRUE(edge_.datapath().panic);
  EXPECT_EQ(Json::parse(Get("/v1/status").body)["panic_reason"], "test");
  EXPECT_EQ(Post("/v1/panic", R"({"on": false})").status, 200);
  EXPECT_FALSE(edge_.datapath().panic);
}

TEST_F(Api, PanicRefusesWhatItDoesNotUnderstand) {
  for (const char* body :
       {"", "on", "[]", "{}", R"({"on": "true"})", R"({"on": true, "reason": 7})", "{\"on\": true"}) {
    const http::Response r = Post("/v1/panic", body);
    EXPECT_EQ(r.status, 400) << body;
    EXPECT_THAT(r.body, HasSubstr("expected"));
  }
  EXPECT_EQ(Post("/v1/panic", R"({"on": true, "reason": ")" + std::string(257, 'x') + "\"}").status, 400);
  EXPECT_FALSE(edge_.datapath().panic);
}

TEST_F(Api, HealthPages) {
  EXPECT_EQ(Get("/healthz").body, "ok\n");
  EXPECT_EQ(Get("/readyz").body, "ready\n");
  const http::Response verbose = Get("/readyz", "verbose");
  EXPECT_EQ(verbose.status, 200);
  EXPECT_THAT(verbose.body, HasSubstr("[+] interfaces: all attached\n"));
  edge_.datapath().present = false;
  edge_.Run(absl::Seconds(2));
  const http::Response gone = Get("/readyz");
  EXPECT_EQ(gone.status, 503);
  EXPECT_EQ(gone.body, "[-] interfaces: eth0 isn't there\nnot ready\n");
  EXPECT_EQ(Get("/healthz").status, 200);
  edge_.clock.Advance(absl::Minutes(1));
  EXPECT_EQ(Get("/healthz").status, 503);
  EXPECT_EQ(Json::parse(Get("/version").body)["version"].get<std::string>().empty(), false);
}

TEST_F(Api, AStrandThatDoesNotAnswerIsAnErrorNotAHang) {
  // Nobody runs the mailbox.
  const http::Response r = AdminRouter(Parts()).Handle({.path = "/v1/status"});
  EXPECT_EQ(r.status, 503);
  EXPECT_THAT(r.body, HasSubstr("didn't answer in time"));
  // And what was withdrawn isn't done later.
  const http::Response panic =
      AdminRouter(Parts()).Handle({.method = "POST", .path = "/v1/panic", .body = R"({"on": true})"});
  EXPECT_EQ(panic.status, 503);
  mailbox_.RunAll();
  EXPECT_FALSE(edge_.datapath().panic);
}

TEST_F(Api, ManagementHasNoAdminPages) {
  const http::Router router = ManagementRouter(Parts());
  EXPECT_EQ(router.Handle({.path = "/healthz"}).status, 200);
  EXPECT_EQ(router.Handle({.path = "/v1/status"}).status, 404);
  EXPECT_EQ(router.Handle({.method = "POST", .path = "/v1/panic", .body = R"({"on": true})"}).status, 404);
}

TEST_F(Api, WorksOverTheAdminSocket) {
  char pattern[] = "/tmp/breakwater-api-XXXXXX";
  const std::string directory = mkdtemp(pattern);
  {
    Strand strand(mailbox_);
    const auto server = http::Server::Start({.tcp = {}, .unix_path = directory + "/s"}, AdminRouter(Parts()));
    ASSERT_TRUE(server.ok()) << server.status();
    const auto status = http::Fetch("unix:" + directory + "/s", {.path = "/v1/status"});
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(Json::parse(status->body)["edge"], "test");
  }
  rmdir(directory.c_str());
}

TEST_F(Api, AnycastIsShownAndDrained) {
  const http::Router without = AdminRouter(Parts());
  EXPECT_EQ(without.Handle({.path = "/v1/anycast"}).status, 404);
  EXPECT_EQ(without.Handle({.method = "POST", .path = "/v1/anycast/drain", .body = R"({"on": true})"}).status, 404);

  metrics::Registry registry;
  anycast::Settings settings;
  settings.announce = {"any4"};
  settings.bird_socket = "/nonexistent/bird.ctl";
  const auto runner =
      anycast::Runner::Start(settings, {clock::SystemClock(), registry, [] { return anycast::DatapathHealth{}; }, ""});
  ASSERT_TRUE(runner.ok()) << runner.status();
  ApiParts parts = Parts();
  parts.anycast = runner->get();
  const http::Router router = AdminRouter(parts);
  EXPECT_EQ(Json::parse(router.Handle({.path = "/v1/anycast"}).body)["state"], "withdrawn");
  const auto drain = [&](const std::string& body) {
    return router.Handle({.method = "POST", .path = "/v1/anycast/drain", .body = body});
  };
  for (const char* wrong : {"", "{}", R"({"on": 1})", R"({"on": true, "reason": 7})"})
    EXPECT_EQ(drain(wrong).status, 400);
  EXPECT_EQ(drain(R"({"on": true, "reason": ")" + std::string(300, 'x') + "\"}").status, 400);
  const http::Response drained = drain(R"({"on": true, "reason": "new kernel"})");
  ASSERT_EQ(drained.status, 200) << drained.body;
  EXPECT_EQ(Json::parse(drained.body)["draining"], true);
}

// Every metric that is exported is described in the reference with its type and labels, and no other.
TEST_F(Api, MetricsReferenceIsComplete) {
  std::ifstream file("docs/reference/metrics.md");
  std::stringstream page;
  page << file.rdbuf();
  std::set<std::string> documented;
  std::istringstream lines(page.str());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `breakwater_") && !line.starts_with("| `breakwater_coordinator_")) documented.insert(line);
  }
  std::set<std::string> exported;
  metrics::Registry anycast_registry;
  const anycast::Metrics anycast(anycast_registry, {.checks = {{.name = "gateway"}}});
  std::vector<metrics::Description> descriptions = edge_.registry().Describe();
  for (metrics::Description& d : anycast_registry.Describe()) descriptions.push_back(std::move(d));
  for (const metrics::Description& d : descriptions) {
    std::string labels;
    for (const std::string& label : d.labels) labels += (labels.empty() ? "" : ", ") + label;
    exported.insert("| `" + d.name + "` | " + d.type + " | " + labels + " | " + d.help + " |");
  }
  for (const std::string& line : exported)
    EXPECT_THAT(documented, Contains(line)) << "missing in docs/reference/metrics.md";
  for (const std::string& line : documented) EXPECT_THAT(exported, Contains(line)) << "no longer exported";
}

TEST_F(Api, MetricsFollowTheNamingRules) {
  for (const metrics::Description& d : edge_.registry().Describe()) {
    EXPECT_TRUE(d.name.starts_with("breakwater_edge_")) << d.name;
    EXPECT_EQ(d.type == "counter", d.name.ends_with("_total")) << d.name;
    EXPECT_TRUE(d.type != "histogram" || d.name.ends_with("_seconds")) << d.name;
    for (const std::string& label : d.labels) {
      EXPECT_THAT((std::set<std::string>{"verdict", "vector", "state", "interface", "version", "revision"}),
                  Contains(label));
    }
  }
  const http::Response r = Get("/metrics");
  EXPECT_THAT(r.content_type, HasSubstr("version=0.0.4"));
  EXPECT_THAT(r.body, HasSubstr("breakwater_edge_ready 1\n"));
  EXPECT_THAT(r.body, Not(HasSubstr("203.0.113")));
}

}  // namespace
}  // namespace breakwater::app
