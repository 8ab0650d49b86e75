#include "coordinator/api/http_api.h"

#include <set>

#include "common/config/config.h"
#include "coordinator/api/access.h"
#include "coordinator/api/pages.h"
#include "coordinator/api/testing.h"
#include "coordinator/dashboard/assets.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr char kToken[] = "0123456789abcdef0123456789abcdef";

class HttpApi : public testing::Test {
 protected:
  HttpApi() {
    AddApi(router_, service_, hub_, {.token = kToken, .names = {"breakwater.example"}});
    AddPages(router_);
    router_.Decorate(AddSecurityHeaders);
  }

  http::Response Get(const std::string& path, const std::string& query = "") {
    return router_.Handle({.path = path, .query = query});
  }
  static http::Request ChangeOf(const std::string& path, const std::string& body, const std::string& method = "POST") {
    return {.method = method,
            .path = path,
            .content_type = "application/json",
            .body = body,
            .headers = {{"authorization", std::string("Bearer ") + kToken}, {"host", "127.0.0.1:8640"}}};
  }
  http::Response Change(const std::string& path, const std::string& body, const std::string& method = "POST") {
    return router_.Handle(ChangeOf(path, body, method));
  }
  template <typename T>
  T Asked() {
    return std::get<T>(backend_.last().first);
  }

  FakeBackend backend_;
  Service service_{backend_};
  std::shared_ptr<http::EventHub> hub_ =
      std::make_shared<http::EventHub>(http::EventHub::Options{.topics = {"overview", "attacks"}, .max_listeners = 0});
  http::Router router_;
};

TEST_F(HttpApi, QueriesBecomeRequests) {
  EXPECT_EQ(Get("/api/v1/traffic", "last_s=600&region=eu%2Dwest").status, 200);
  EXPECT_EQ(Asked<v1::TrafficRequest>().last_s(), 600);
  EXPECT_EQ(Asked<v1::TrafficRequest>().region(), "eu-west");
  EXPECT_EQ(Get("/api/v1/attacks", "active=true&limit=7&cursor=c").status, 200);
  EXPECT_TRUE(Asked<v1::ListAttacksRequest>().active_only());
  EXPECT_EQ(Asked<v1::ListAttacksRequest>().limit(), 7u);
  EXPECT_EQ(Asked<v1::ListAttacksRequest>().cursor(), "c");
  EXPECT_EQ(Get("/api/v1/edges", "region=eu").status, 200);
  EXPECT_EQ(Asked<v1::ListEdgesRequest>().region(), "eu");
  EXPECT_EQ(Get("/api/v1/edges/ams-1").status, 200);
  EXPECT_EQ(Asked<v1::GetEdgeRequest>().id(), "ams-1");
  EXPECT_EQ(Get("/api/v1/attacks/a.1").status, 200);
  EXPECT_EQ(Asked<v1::GetAttackRequest>().id(), "a.1");
  EXPECT_EQ(Get("/api/v1/rules", "origin=operator").status, 200);
  EXPECT_EQ(Asked<v1::ListRulesRequest>().origin(), "operator");
  EXPECT_EQ(Get("/api/v1/rules/r%201").status, 200);
  EXPECT_EQ(Asked<v1::GetRuleRequest>().id(), "r 1");
  EXPECT_EQ(Get("/api/v1/explain/ip/2001:db8::1").status, 200);
  EXPECT_EQ(Asked<v1::ExplainIpRequest>().address(), "2001:db8::1");
}

TEST_F(HttpApi, AnswersAreTheViewsJsonAndNotCached) {
  auto view = std::make_shared<v1::OverviewView>();
  view->set_coordinator("north");
  backend_.AnswerWith(std::shared_ptr<const google::protobuf::Message>(view));
  const http::Response r = Get("/api/v1/overview");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.content_type, "application/json");
  EXPECT_THAT(r.body, HasSubstr(R"("coordinator":"north")"));
  EXPECT_THAT(r.body, HasSubstr(R"("active_attacks":0)"));
  EXPECT_THAT(r.headers, testing::Contains(Pair("Content-Security-Policy", HasSubstr("default-src 'none'"))));
  EXPECT_THAT(r.headers, testing::Contains(Pair("Cross-Origin-Opener-Policy", "same-origin")));
}

TEST_F(HttpApi, WrongQueriesAreNamedAndNotAsked) {
  const std::pair<const char*, const char*> cases[] = {
      {"/api/v1/traffic?last_s=soon", "last_s is \\\"soon\\\""},
      {"/api/v1/traffic?last_s=-5", "last_s is -5"},
      {"/api/v1/traffic?last_s=nan", "last_s is nan"},
      {"/api/v1/traffic?lasts=5", "unknown query parameter"},
      {"/api/v1/edges?limit=1001", "limit is 1001"},
      {"/api/v1/edges?limit=-1", "limit is"},
      {"/api/v1/attacks?active=perhaps", "expected true or false"},
      {"/api/v1/rules?origin=alien", "origin is \\\"alien\\\""},
      {"/api/v1/explain/ip/localhost", "expected one address"},
  };
  for (const auto& [target, text] : cases) {
    const std::string all = target;
    const size_t question = std::min(all.find('?'), all.size());
    const http::Response r = Get(all.substr(0, question), question < all.size() ? all.substr(question + 1) : "");
    EXPECT_EQ(r.status, 400) << target;
    EXPECT_EQ(r.content_type, "application/problem+json");
    EXPECT_THAT(r.body, HasSubstr(text)) << target;
    EXPECT_THAT(r.body, HasSubstr(R"("code":"invalid")"));
  }
  EXPECT_EQ(Get("/api/v1/edges/" + std::string(65, 'x')).status, 400);
  EXPECT_EQ(Get("/api/v1/edges/").status, 404);
  EXPECT_EQ(Get("/api/v1/edges/%zz").status, 404);
  EXPECT_EQ(backend_.asked(), 0u);
}

TEST_F(HttpApi, ChangesNeedTheTokenAndAnHonestOrigin) {
  const std::string body = R"({"source":"198.51.100.7","for_s":60,"reason":"scan"})";
  http::Request request = ChangeOf("/api/v1/block", body);
  EXPECT_EQ(router_.Handle(request).status, 200);
  EXPECT_EQ(Asked<v1::BlockRequest>().source(), "198.51.100.7");
  const size_t asked = backend_.asked();

  const auto with = [&](const std::string& name, const std::string& value) {
    http::Request other = request;
    other.headers[name] = value;
    return router_.Handle(other);
  };
  http::Request without = request;
  without.headers.erase("authorization");
  const http::Response refused = router_.Handle(without);
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.headers, testing::Contains(Pair("WWW-Authenticate", "Bearer")));
  EXPECT_THAT(refused.body, Not(HasSubstr(kToken)));
  EXPECT_EQ(with("authorization", "Bearer 0123456789abcdef0123456789abcdee").status, 401);
  EXPECT_EQ(with("authorization", std::string("Bearer ") + kToken + "x").status, 401);
  EXPECT_EQ(with("authorization", "Bearer ").status, 401);
  EXPECT_EQ(with("authorization", std::string("Basic ") + kToken).status, 401);
  EXPECT_EQ(with("sec-fetch-site", "cross-site").status, 403);
  EXPECT_EQ(with("sec-fetch-site", "same-site").status, 403);
  EXPECT_EQ(with("origin", "http://evil.example").status, 403);
  EXPECT_EQ(with("origin", "null").status, 403);
  http::Request text = request;
  text.content_type = "text/plain";
  EXPECT_EQ(router_.Handle(text).status, 400);
  EXPECT_EQ(backend_.asked(), asked);
  EXPECT_EQ(with("sec-fetch-site", "same-origin").status, 200);
  EXPECT_EQ(with("origin", "http://127.0.0.1:8640").status, 200);
  http::Request charset = request;
  charset.content_type = "application/json; charset=utf-8";
  EXPECT_EQ(router_.Handle(charset).status, 200);
}

TEST_F(HttpApi, ANameThatIsNotOursReadsNothing) {
  const auto from = [&](const std::string& host, const std::string& path) {
    return router_.Handle({.path = path, .headers = {{"host", host}}}).status;
  };
  for (const char* ours : {"127.0.0.1:8640", "192.0.2.7", "[2001:db8::1]:8640", "[::1]", "localhost:9", "localhost",
                           "breakwater.example", "breakwater.example:443"}) {
    EXPECT_EQ(from(ours, "/api/v1/overview"), 200) << ours;
  }
  for (const char* other : {"evil.example:8640", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "x"}) {
    EXPECT_EQ(from(other, "/api/v1/overview"), 403) << other;
    EXPECT_EQ(from(other, "/api/v1/stream"), 403) << other;
  }
}

TEST_F(HttpApi, NoTokenAtAllMeansNoChanges) {
  http::Request request = ChangeOf("/", "{}");
  EXPECT_TRUE(MayChange(request, kToken).ok());
  request.headers["authorization"] = "Bearer ";
  EXPECT_EQ(MayChange(request, "").code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(HttpApi, ReadingNeedsNoToken) { EXPECT_EQ(Get("/api/v1/overview").status, 200); }

TEST_F(HttpApi, BodiesAreChecked) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "JSON"},
      {"not json", "JSON"},
      {"[]", ""},
      {R"({"sauce":"198.51.100.7"})", "sauce"},
      {R"({"source":"198.51.100.7","for_s":60})", "reason is missing"},
      {R"({"source":"example.com","for_s":60,"reason":"x"})", "expected an address or a prefix"},
      {R"({"source":"198.51.100.7","for_s":3601,"reason":"x"})", "for_s is 3601, expected 1 to 3600"},
      {R"({"source":"198.51.100.7","for_s":"NaN","reason":"x"})", "for_s is nan"},
  };
  for (const auto& [body, text] : cases) {
    const http::Response r = Change("/api/v1/block", body);
    EXPECT_EQ(r.status, 400) << body;
    EXPECT_THAT(r.body, HasSubstr(text)) << body;
  }
  EXPECT_THAT(Change("/api/v1/rules", R"({"action":"drop"})").body, HasSubstr("either match"));
  EXPECT_THAT(Change("/api/v1/rules", R"({"match":"ip.src == 192.0.2.1","file":"- id: x"})").body,
              HasSubstr("either match"));
  EXPECT_THAT(Change("/api/v1/rules", R"({"match":"x","mode":"maybe"})").body, HasSubstr("expected one of enforce"));
  EXPECT_THAT(Change("/api/v1/rules", "{\"match\":\"" + std::string(8193, 'x') + "\"}").body, HasSubstr("8192"));
  EXPECT_THAT(Change("/api/v1/panic", R"({"on":true})").body, HasSubstr("reason is missing"));
  EXPECT_EQ(backend_.asked(), 0u);
  EXPECT_EQ(Change("/api/v1/rules/r-1", "", "DELETE").status, 200);
  EXPECT_EQ(Asked<v1::DeleteRuleRequest>().id(), "r-1");
}

TEST_F(HttpApi, ErrorsBecomeProblems) {
  const std::pair<absl::StatusCode, int> cases[] = {
      {absl::StatusCode::kNotFound, 404},           {absl::StatusCode::kAlreadyExists, 409},
      {absl::StatusCode::kFailedPrecondition, 409}, {absl::StatusCode::kResourceExhausted, 429},
      {absl::StatusCode::kUnavailable, 503},        {absl::StatusCode::kDeadlineExceeded, 504},
      {absl::StatusCode::kInternal, 500},           {absl::StatusCode::kInvalidArgument, 400},
  };
  for (const auto& [code, status] : cases) {
    backend_.AnswerWith(absl::Status(code, "because"));
    const http::Response r = Get("/api/v1/overview");
    EXPECT_EQ(r.status, status);
    EXPECT_THAT(r.body, HasSubstr("because"));
  }
}

TEST_F(HttpApi, TheStreamRefusesUnknownTopicsAndTooMany) {
  EXPECT_THAT(Get("/api/v1/stream", "topics=overview,weather").body, HasSubstr("unknown topic \\\"weather\\\""));
  const http::Response full = Get("/api/v1/stream", "topics=overview");
  EXPECT_EQ(full.status, 503);
  EXPECT_THAT(full.headers, testing::Contains(Pair("Retry-After", "5")));
}

TEST_F(HttpApi, PagesAreGzippedTaggedAndCachedByName) {
  ASSERT_FALSE(dashboard::Assets().empty());
  for (const dashboard::Asset& asset : dashboard::Assets()) {
    http::Request request;
    request.path = std::string(asset.path);
    request.headers = {{"accept-encoding", "br, gzip;q=0.5"}};
    const http::Response r = router_.Handle(request);
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.static_body, asset.gzip);
    EXPECT_THAT(r.headers, testing::Contains(Pair("Content-Encoding", "gzip")));
    EXPECT_THAT(r.headers,
                testing::Contains(Pair("Cache-Control", HasSubstr(asset.immutable ? "immutable" : "no-cache"))));
    EXPECT_THAT(r.headers, testing::Contains(Pair("Content-Security-Policy", HasSubstr("frame-ancestors 'none'"))));
    request.headers["if-none-match"] = "\"other\", W/" + std::string(asset.etag);
    const http::Response same = router_.Handle(request);
    EXPECT_EQ(same.status, 304);
    EXPECT_TRUE(same.static_body.empty());
    request.headers = {{"accept-encoding", "identity, gzip;q=0"}};
    EXPECT_EQ(router_.Handle(request).status, 406);
  }
}

// docs/reference/api.yaml against the code.
class Reference : public HttpApi {
 protected:
  config::Document document_ = [] {
    absl::StatusOr<config::Document> loaded = config::Document::Load("docs/reference/api.yaml");
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return *std::move(loaded);
  }();
};

TEST_F(Reference, HasEveryRouteAndNoOther) {
  std::set<std::string> documented;
  for (const auto& [path, operations] : document_.Root().Get("paths").AsMap().Entries()) {
    for (const auto& [method, unused] : operations.AsMap().Entries()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(toupper(c));
      documented.insert(upper + " " + path);
    }
  }
  std::set<std::string> routes;
  for (const std::string& route : router_.Routes()) {
    if (route.find(" /api/") != std::string::npos) routes.insert(route);
  }
  EXPECT_EQ(documented, routes);
}

TEST_F(Reference, HasEveryFieldOfEveryMessageAndNoOther) {
  size_t checked = 0;
  for (auto& [name, schema] : document_.Root().Get("components").AsMap().Get("schemas").AsMap().Entries()) {
    if (name == "Problem") continue;
    const auto* descriptor = v1::OverviewView::descriptor()->file()->FindMessageTypeByName(name);
    ASSERT_NE(descriptor, nullptr) << name;
    std::set<std::string> fields;
    for (int i = 0; i < descriptor->field_count(); ++i) fields.insert(std::string(descriptor->field(i)->name()));
    std::set<std::string> documented;
    for (const auto& [field, unused] : schema.AsMap().Get("properties").AsMap().Entries()) documented.insert(field);
    EXPECT_EQ(documented, fields) << name;
    ++checked;
  }
  EXPECT_GT(checked, 20u);
  EXPECT_TRUE(document_.Problems().empty()) << document_.Problems().front();
}

}  // namespace
}  // namespace breakwater::api
