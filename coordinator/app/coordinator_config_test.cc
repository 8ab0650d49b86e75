#include "coordinator/app/coordinator_config.h"

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kMinimal[] = "tls: {ca: /c/ca.pem, certificate: /c/c.pem, key: /c/c.key}\n";

CoordinatorConfig Good(const std::string& text) {
  LoadedConfig loaded = ParseConfig(text, "c.yaml");
  EXPECT_THAT(loaded.problems, IsEmpty());
  return loaded.config.value_or(CoordinatorConfig{});
}

std::vector<std::string> Problems(const std::string& text) { return ParseConfig(text, "c.yaml").problems; }

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Config, HasDefaultsForAllButCertificates) {
  const CoordinatorConfig c = Good(kMinimal);
  EXPECT_EQ(c.tls.certificate, "/c/c.pem");
  EXPECT_EQ(c.signing_key, "/var/lib/breakwater-coordinator/signing.key");
  EXPECT_EQ(c.edges_listen, CoordinatorConfig{}.edges_listen);
  EXPECT_TRUE(c.settings.detect);
  EXPECT_THAT(Problems("{}"), ElementsAre(HasSubstr("tls")));
  EXPECT_THAT(Problems("tls: {ca: /c/ca.pem}"), ElementsAre(HasSubstr("certificate"), HasSubstr("key")));
}

TEST(Config, HalvesEveryFloorUnlessToldOtherwise) {
  const CoordinatorConfig c = Good(std::string(kMinimal) + "detection: {floors: {udp.dns: 3kpps 8Mbps}}\n");
  const auto& floors = c.settings.detector.host_floors;
  EXPECT_EQ(floors[BW_VECTOR_UDP_DNS]->pps, 1500);
  EXPECT_EQ(floors[BW_VECTOR_UDP_DNS]->bps, 4e6);
  EXPECT_EQ(floors[BW_VECTOR_TCP_SYN]->pps, detect::DefaultFloor(BW_VECTOR_TCP_SYN).pps / 2);
  const CoordinatorConfig whole = Good(std::string(kMinimal) + "detection: {floor_factor: 1}\n");
  EXPECT_EQ(whole.settings.detector.host_floors[BW_VECTOR_TCP_SYN]->pps, detect::DefaultFloor(BW_VECTOR_TCP_SYN).pps);
}

TEST(Config, ReadsWhatElseThereIs) {
  const CoordinatorConfig c = Good(std::string(kMinimal) + R"(
id: north
state: {directory: /srv/bw}
edges: {listen: "192.0.2.1:9000", max_sessions: 12}
api: {listen: off}
http: {listen: "[::1]:8000", names: [bw.example], max_streams: 3}
guards: [192.0.2.53]
mitigation: {lease: 30s, confirm_share: 0.2, confirm_floor: 100pps, max_rules: 5, max_automatic_rules: 2}
log: {level: debug, format: json}
)");
  EXPECT_EQ(c.settings.id, "north");
  EXPECT_EQ(c.signing_public(), "/srv/bw/signing.key.pub");
  EXPECT_EQ(c.api_token(), "/srv/bw/api-token");
  EXPECT_EQ(c.edges_listen, "192.0.2.1:9000");
  EXPECT_EQ(c.max_sessions, 12u);
  EXPECT_EQ(c.api_listen, "");
  EXPECT_EQ(c.http_listen, "[::1]:8000");
  EXPECT_THAT(c.http_names, ElementsAre("bw.example"));
  EXPECT_EQ(c.max_streams, 3u);
  EXPECT_EQ(c.settings.guards.entries().size(), 1u);
  EXPECT_EQ(c.settings.lease, absl::Seconds(30));
  EXPECT_EQ(c.settings.confirm_share, 0.2);
  EXPECT_EQ(c.settings.confirm_floor_pps, 100);
  EXPECT_EQ(c.settings.max_rules, 5u);
  EXPECT_EQ(c.settings.max_automatic_rules, 2u);
  EXPECT_EQ(c.log_level, log::Level::kDebug);
  EXPECT_THAT(Summary(c), HasSubstr("edges on 192.0.2.1:9000, tools on nowhere, page and metrics on [::1]:8000"));
}

TEST(Config, NamesEveryMistakeWithItsPlace) {
  EXPECT_THAT(Problems(R"(id: Not Allowed
state: {directory: relative}
edges: {listen: off, max_sessions: 0}
http: {listen: "localhost:1", names: ["Bad:80"]}
tls: {ca: ca.pem, certificate: /c/c.pem, key: /c/c.key}
detection: {floor_factor: 0, florrs: 1}
mitigation: {confirm_floor: 5Mbps, lease: 1h}
surprise: 1
)"),
              ElementsAre(HasSubstr("c.yaml:1:"), HasSubstr("c.yaml:2:"), HasSubstr("c.yaml:3:"),
                          HasSubstr("c.yaml:3:"), HasSubstr("c.yaml:4:"), HasSubstr("got \"Bad:80\""),
                          HasSubstr("absolute path, got \"ca.pem\""), HasSubstr("c.yaml:6:"), HasSubstr("florrs"),
                          HasSubstr("packet rate"), HasSubstr("10s to 10m"), HasSubstr("surprise")));
}

TEST(Config, TheExampleIsValidAndShowsTheDefaults) {
  const std::string text = FileText("deploy/examples/coordinator.yaml");
  const CoordinatorConfig example = Good(text);
  std::string all;
  const std::regex commented_out("^# +([a-z_.]+:( |$)|- )");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    all += (std::regex_search(line, commented_out) ? line.substr(2) : line) + "\n";
  }
  const CoordinatorConfig full = Good(all);
  EXPECT_EQ(full.settings.lease, example.settings.lease);
  EXPECT_EQ(full.settings.confirm_floor_pps, example.settings.confirm_floor_pps);
  EXPECT_EQ(full.settings.detector, example.settings.detector);
  EXPECT_EQ(full.settings.max_rules, example.settings.max_rules);
  EXPECT_EQ(full.settings.max_automatic_rules, example.settings.max_automatic_rules);
  EXPECT_EQ(full.edges_listen, example.edges_listen);
  EXPECT_EQ(full.api_listen, example.api_listen);
  EXPECT_EQ(full.http_listen, example.http_listen);
  EXPECT_EQ(full.signing_key, example.signing_key);
  EXPECT_EQ(full.settings.guards.entries().size(), 2u) << "the commented part was read";
}

// A key that doesn't exist makes the reader name those that do.
void AddKnownKeys(const std::string& section, std::set<std::string>& keys) {
  const std::string prefix = section.empty() ? "" : section + ".";
  const std::string text = section.empty() ? "zzzzzzzzzz: 1\n" : section + ": {zzzzzzzzzz: 1}\n";
  for (const std::string& problem : Problems(text)) {
    const size_t at = problem.find("there are ");
    if (at == std::string::npos) continue;
    std::istringstream words(problem.substr(at + 10));
    for (std::string word; words >> word;) keys.insert(prefix + word.substr(0, word.find(',')));
  }
}

TEST(Reference, HasEveryKey) {
  const std::string page = FileText("docs/reference/coordinator.md");
  std::set<std::string> known;
  AddKnownKeys("", known);
  for (const char* section : {"tls", "edges", "api", "http", "state", "signing", "detection", "mitigation", "log"}) {
    EXPECT_EQ(known.erase(section), 1u) << section;
    AddKnownKeys(section, known);
  }
  EXPECT_GT(known.size(), 20u);
  std::set<std::string> documented;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `")) documented.insert(line.substr(3, line.find('`', 3) - 3));
  }
  for (const std::string& key : known) EXPECT_TRUE(documented.contains(key)) << key << " is missing";
  for (const std::string& key : documented) EXPECT_TRUE(known.contains(key)) << key << " doesn't exist";
}

}  // namespace
}  // namespace breakwater::coordinator
