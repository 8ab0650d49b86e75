#include "edge/anycast/settings.h"

#include <cstdio>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::anycast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kGood[] = R"(anycast:
  bird_socket: /run/bird/bird.ctl
  announce: [any4, any6]
  deprefer: [drain4]
  checks:
    - {name: gateway, url: "http://203.0.113.10/healthz", host: www.example.com}
    - {name: origin, url: "tcp://[2001:db8::2]:8080", failure: deprefer}
  interval: 500ms
  rise: 3
  stop_wait: 0s
)";

std::vector<std::string> Problems(const std::string& text) {
  const config::Document document = config::Document::Parse(text, "edge.yaml");
  ReadSettings(document.Root().Get("anycast"));
  return document.Problems();
}

TEST(Settings, AreRead) {
  const config::Document document = config::Document::Parse(kGood, "edge.yaml");
  const Settings s = ReadSettings(document.Root().Get("anycast"));
  ASSERT_THAT(document.Problems(), IsEmpty());
  EXPECT_TRUE(s.enabled());
  EXPECT_THAT(s.announce, ElementsAre("any4", "any6"));
  ASSERT_EQ(s.checks.size(), 2u);
  EXPECT_EQ(s.checks[0].address.port, 80);
  EXPECT_EQ(s.checks[0].path, "/healthz");
  EXPECT_EQ(s.checks[0].host, "www.example.com");
  EXPECT_EQ(s.checks[0].on_failure, Presence::kWithdrawn);
  EXPECT_EQ(s.checks[1].address.port, 8080);
  EXPECT_EQ(s.checks[1].path, "");
  EXPECT_EQ(s.checks[1].on_failure, Presence::kDeprefered);
  EXPECT_EQ(s.interval, absl::Milliseconds(500));
  EXPECT_EQ(s.rise, 3);
  EXPECT_EQ(s.fall, 3);
}

TEST(Settings, AnAbsentSectionLeavesBirdAlone) {
  const config::Document document = config::Document::Parse("edge: {}\n", "edge.yaml");
  EXPECT_FALSE(ReadSettings(document.Root().Get("anycast")).enabled());
  EXPECT_THAT(document.Problems(), IsEmpty());
}

TEST(Settings, MistakesAreNamed) {
  EXPECT_THAT(Problems("anycast: {}\n"), ElementsAre(HasSubstr("\"announce\" is missing")));
  EXPECT_THAT(Problems("anycast: {announce: []}\n"), ElementsAre(HasSubstr("name at least one protocol")));
  EXPECT_THAT(Problems("anycast: {announce: [\"x\\\" ; down\"]}\n"), ElementsAre(HasSubstr("name of a BIRD protocol")));
  EXPECT_THAT(Problems("anycast: {announce: [a, a]}\n"), ElementsAre(HasSubstr("there twice")));
  EXPECT_THAT(Problems("anycast: {announce: [a], deprefer: [a]}\n"), ElementsAre(HasSubstr("in announce too")));
  EXPECT_THAT(Problems("anycast: {announce: [a], bird_socket: bird.ctl}\n"), ElementsAre(HasSubstr("absolute path")));
  EXPECT_THAT(Problems("anycast: {announce: [a], fall: 0}\n"), ElementsAre(HasSubstr("1 to 100")));
  for (const char* url : {"https://192.0.2.1/", "http://example.com/", "tcp://192.0.2.1", "tcp://192.0.2.1:80/x",
                          "http://192.0.2.1/a b", "192.0.2.1:80"}) {
    EXPECT_THAT(Problems("anycast: {announce: [a], checks: [{name: g, url: \"" + std::string(url) + "\"}]}\n"),
                ElementsAre(HasSubstr("expected a URL like")))
        << url;
  }
  EXPECT_THAT(Problems("anycast: {announce: [a], checks: [{name: datapath, url: \"tcp://192.0.2.1:80\"}]}\n"),
              ElementsAre(HasSubstr("there twice")));
  EXPECT_THAT(
      Problems("anycast: {announce: [a], checks: [{name: g, url: \"http://192.0.2.1/\", host: \"a\\r\\nb\"}]}\n"),
      ElementsAre(HasSubstr("no spaces or line ends")));
}

TEST(LoadSettings, ReadsItsSectionWhateverElseIsWrong) {
  const std::string path = testing::TempDir() + "/anycast-settings.yaml";
  std::ofstream(path) << kGood << "protect: nonsense\nunknown_key: 1\n";
  const absl::StatusOr<Settings> s = LoadSettings(path);
  ASSERT_TRUE(s.ok()) << s.status();
  EXPECT_TRUE(s->enabled());
  std::ofstream(path) << "anycast: {announce: 7}\n";
  EXPECT_FALSE(LoadSettings(path).ok());
  std::remove(path.c_str());
  EXPECT_FALSE(LoadSettings(path).ok());
}

}  // namespace
}  // namespace breakwater::anycast
