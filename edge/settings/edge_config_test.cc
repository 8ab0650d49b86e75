#include "edge/settings/edge_config.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "common/config/units.h"
#include "edge/settings/service.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::settings {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kMinimal =
    "interfaces: [eth0]\n"
    "protect:\n"
    "  - prefix: 203.0.113.0/24\n"
    "    services: [tcp/80, icmp echo 100pps]\n";

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

EdgeConfig Good(std::string_view text, Purpose purpose = Purpose::kRun, const std::string& file_name = "edge.yaml") {
  const LoadedConfig loaded = ParseConfig(text, file_name, {.purpose = purpose, .now = kNow});
  EXPECT_THAT(loaded.problems, IsEmpty());
  return loaded.config.value_or(EdgeConfig{});
}

std::vector<std::string> Problems(std::string_view text) {
  const LoadedConfig loaded = ParseConfig(text, "edge.yaml", {.purpose = Purpose::kRun, .now = kNow});
  EXPECT_EQ(loaded.config.has_value(), loaded.problems.empty());
  return loaded.problems;
}

TEST(Service, ReadsWhatPeopleWrite) {
  using datapath::Service;
  EXPECT_EQ(*ParseService("tcp/80", true), (Service{6, 80, 80, 0}));
  EXPECT_EQ(*ParseService("udp/27015-27030 5kpps", true), (Service{17, 27015, 27030, 5000}));
  EXPECT_EQ(*ParseService("tcp", true), (Service{6, 0, 65535, 0}));
  EXPECT_EQ(*ParseService("icmp echo 100pps", true), (Service{1, 8, 8, 100}));
  EXPECT_EQ(*ParseService("icmp echo", false), (Service{58, 128, 128, 0}));
  EXPECT_EQ(*ParseService("icmp/3", true), (Service{1, 3, 3, 0}));
  EXPECT_EQ(*ParseService("gre", true), (Service{47, 0, 65535, 0}));
  EXPECT_EQ(*ParseService("ip/89 1kpps", true), (Service{89, 0, 65535, 1000}));
  EXPECT_EQ(*ParseService("all", true), (Service{0, 0, 65535, 0}));
  for (const char* bad :
       {"", "tcp/", "tcp/0x50", "tcp/65536", "tcp/90-80", "tcp/80-", "gre/5", "ip", "ip/0", "ip/256", "icmp/256",
        "http", "tcp/80 10Mbps", "tcp/80 0pps", "tcp/80 fast", "tcp/ 80", "tcp/+80", "icmp echo echo"}) {
    EXPECT_FALSE(ParseService(bad, true).ok()) << bad;
  }
}

TEST(Service, TextRoundTrips) {
  for (const char* text : {"tcp/80", "udp/27015-27030 5kpps", "tcp", "icmp/8 100pps", "gre", "ip/89", "all",
                           "all 1kpps", "tcp/1024-65535"}) {
    EXPECT_EQ(ServiceText(*ParseService(text, true)), text);
  }
}

TEST(EdgeConfig, AMinimalFileGetsDefaults) {
  const EdgeConfig c = Good(kMinimal);
  EXPECT_THAT(c.live.interfaces, ElementsAre("eth0"));
  ASSERT_EQ(c.control.policies.size(), 1u);
  const datapath::Policy& p = c.control.policies[0];
  EXPECT_EQ(p.prefix.ToString(), "203.0.113.0/24");
  EXPECT_EQ(p.undeclared, datapath::Undeclared::kDrop);
  // The two declared ones and path MTU discovery.
  ASSERT_EQ(p.services.size(), 3u);
  EXPECT_EQ(p.services[2], (datapath::Service{1, 3, 3, 1000}));
  EXPECT_EQ(c.http_listen, "127.0.0.1:9550");
  EXPECT_TRUE(c.control.detect);
  EXPECT_EQ(c.control.lease, absl::Seconds(60));
}

TEST(EdgeConfig, ReadsEverything) {
  const EdgeConfig c = Good(R"(
edge: {id: fra1-edge2}
interfaces: [eth0, eth1]
attach: generic
protect:
  - prefix: 203.0.113.0/24
    services: [all]
    undeclared: pass
  - prefix: 2001:db8:1::/48
    services: [tcp/443, icmp echo 100pps]
    undeclared: 2kpps
  - prefix: 198.51.100.0/24
    services: [tcp/443]
    essentials: false
sources:
  - block: 198.18.0.0/15
  - {allow: 192.0.2.10, service: tcp/179, cap: 1kpps}
guards:
  - 192.0.2.53
  - {prefix: 192.0.2.0/28, name: operators}
detection:
  enabled: false
  floors: {tcp.syn: 500pps, udp.dns: 1kpps 10Mbps}
  prefix_floor_factor: 8
  baseline_factor: 5
  quiet_before_end: 30s
mitigation: {lease: 2m, max_rules: 16}
state: {directory: /tmp/state}
admin: {socket: /tmp/edge.sock}
http: {listen: "[::1]:9000"}
log: {level: debug, format: json}
)");
  EXPECT_EQ(c.control.edge_id, "fra1-edge2");
  EXPECT_EQ(c.live.mode, datapath::AttachMode::kGeneric);
  ASSERT_EQ(c.control.policies.size(), 3u);
  EXPECT_EQ(c.control.policies[0].undeclared, datapath::Undeclared::kPass);
  EXPECT_EQ(c.control.policies[0].services.size(), 1u);
  EXPECT_EQ(c.control.policies[1].undeclared, datapath::Undeclared::kCap);
  EXPECT_EQ(c.control.policies[1].undeclared_cap_pps, 2000u);
  // Two declared, packet too big, neighbour discovery.
  ASSERT_EQ(c.control.policies[1].services.size(), 4u);
  EXPECT_EQ(c.control.policies[1].services[1], (datapath::Service{58, 128, 128, 100}));
  EXPECT_EQ(c.control.policies[1].services[3], (datapath::Service{58, 133, 137, 1000}));
  EXPECT_EQ(c.control.policies[2].services.size(), 1u);
  ASSERT_EQ(c.control.sources.size(), 2u);
  EXPECT_EQ(c.control.sources[1].kind, datapath::SourceEntry::Kind::kAllow);
  EXPECT_EQ(c.control.sources[1].allowed, (datapath::Service{6, 179, 179, 1000}));
  ASSERT_EQ(c.control.guards.entries().size(), 2u);
  EXPECT_EQ(c.control.guards.entries()[0].name, "192.0.2.53");
  EXPECT_EQ(c.control.guards.entries()[1].name, "operators");
  EXPECT_FALSE(c.control.detect);
  EXPECT_EQ(c.control.detector.host_floors[BW_VECTOR_UDP_DNS], (detect::Floor{1000, 1e7}));
  EXPECT_EQ(c.control.detector.host_floors[BW_VECTOR_UDP_NTP], std::nullopt);
  EXPECT_EQ(c.control.detector.prefix_floor_factor, 8);
  EXPECT_EQ(c.control.detector.baseline_factor, 5);
  EXPECT_EQ(c.control.detector.quiet_before_end, absl::Seconds(30));
  EXPECT_EQ(c.control.lease, absl::Minutes(2));
  EXPECT_EQ(c.control.max_reflex_rules, 16u);
  EXPECT_EQ(c.state_directory, "/tmp/state");
  EXPECT_EQ(c.admin_socket, "/tmp/edge.sock");
  EXPECT_EQ(c.http_listen, "[::1]:9000");
  EXPECT_EQ(c.log_level, log::Level::kDebug);
  EXPECT_EQ(c.log_format, log::Format::kJson);
}

TEST(EdgeConfig, EveryMistakeIsNamedWithItsPlace) {
  EXPECT_THAT(
      Problems("edge: {id: Frankfurt 1}\n"                                 // 1
               "intefaces: [eth0]\n"                                       // 2
               "attach: driver\n"                                          // 3
               "protect:\n"                                                // 4
               "  - prefix: 203.0.113.7/24\n"                              // 5
               "    services: [tcp/80, http]\n"                            // 6
               "    undeclared: maybe\n"                                   // 7
               "  - {prefix: 198.51.100.0/24, service: [tcp/80]}\n"        // 8
               "sources:\n"                                                // 9
               "  - {allow: 192.0.2.10, service: all, cap: 1Mbps}\n"       // 10
               "  - {allow: 192.0.2.11}\n"                                 // 11
               "  - {block: 192.0.2.12, allow: 192.0.2.13}\n"              // 12
               "guards: [resolver]\n"                                      // 13
               "detection: {floors: {tcp.sym: 1kpps, udp.dns: 10Mbps}}\n"  // 14
               "mitigation: {lease: 1h}\n"                                 // 15
               "state: {directory: state}\n"                               // 16
               "http: {listen: localhost:9550}\n"                          // 17
               "log: {level: loud, colour: red}\n"),                       // 18
      ElementsAre("edge.yaml:1:1: the key \"interfaces\" is missing",
                  "edge.yaml:1:12: expected 1 to 32 of a-z 0-9 . _ -, got \"Frankfurt 1\"",
                  "edge.yaml:2:1: unknown key \"intefaces\"; did you mean \"interfaces\"?",
                  "edge.yaml:3:9: expected one of auto, native, generic, got \"driver\"", HasSubstr("edge.yaml:5:13: "),
                  "edge.yaml:6:24: expected a service like tcp/443, udp/27015-27030, icmp echo 100pps, gre, ip/47 or "
                  "all, got \"http\"",
                  "edge.yaml:7:17: expected drop, pass or a packet rate like 1000pps, got \"maybe\"",
                  "edge.yaml:8:5: the key \"services\" is missing",
                  "edge.yaml:8:31: unknown key \"service\"; did you mean \"services\"?",
                  "edge.yaml:10:34: an allowed source needs a protocol and a port: its address can be forged",
                  "edge.yaml:10:44: expected a packet rate over 0 like 1000pps",
                  "edge.yaml:11:5: the key \"service\" is missing", "edge.yaml:11:5: the key \"cap\" is missing",
                  "edge.yaml:12:5: expected either \"block: PREFIX\" or \"allow: PREFIX\" with service and cap",
                  HasSubstr("edge.yaml:13:10: "),
                  "edge.yaml:14:31: unknown vector \"tcp.sym\"; did you mean \"tcp.syn\"?",
                  "edge.yaml:14:47: expected a packet rate over 0 and perhaps a bit rate, like 1000pps or 1000pps "
                  "50Mbps, got \"10Mbps\"",
                  "edge.yaml:15:21: expected a duration from 5s to 10m, got \"1h\"",
                  "edge.yaml:16:20: expected an absolute path, got \"state\"",
                  HasSubstr("edge.yaml:17:16: expected an address and a port"),
                  "edge.yaml:18:14: expected one of debug, info, warning, error, got \"loud\"",
                  "edge.yaml:18:20: unknown key \"colour\"; there are format, level"));
}

TEST(EdgeConfig, DuplicatesAreMistakes) {
  const std::string twice = std::string(kMinimal) + "  - {prefix: 203.0.113.0/24, services: [tcp/443]}\n";
  EXPECT_THAT(Problems(twice), ElementsAre("edge.yaml:5:5: the prefix 203.0.113.0/24 is there twice"));
  EXPECT_THAT(Problems(std::string(kMinimal) + "sources: [{block: 192.0.2.1}, {block: 192.0.2.1/32}]\n"),
              ElementsAre(HasSubstr("the source 192.0.2.1/32 is there twice")));
  EXPECT_THAT(Problems("interfaces: [a, a]\nprotect: [{prefix: 192.0.2.1, services: [all]}]\n"),
              ElementsAre("edge.yaml:1:17: the interface a is there twice"));
}

TEST(EdgeConfig, BoundsAreNamed) {
  std::string text = "interfaces: [eth0]\nprotect:\n  - prefix: 203.0.113.0/24\n    services:\n";
  for (int i = 0; i < 17; ++i) text += "      - tcp/" + std::to_string(1000 + i) + "\n";
  EXPECT_THAT(Problems(text),
              ElementsAre(HasSubstr("18 services in one prefix (essentials included); the limit is 16")));
}

TEST(EdgeConfig, AnEmptyFileNamesWhatIsNeeded) {
  EXPECT_THAT(Problems(""), ElementsAre("edge.yaml:1:1: the key \"interfaces\" is missing",
                                        "edge.yaml:1:1: the key \"protect\" is missing"));
  EXPECT_THAT(Problems("interfaces: []\nprotect: []\n"),
              ElementsAre("edge.yaml:1:13: name at least one interface",
                          "edge.yaml:2:10: name at least one prefix to protect"));
}

TEST(EdgeConfig, AReplayNeedsNoInterfaces) {
  const EdgeConfig c = Good("detection: {floors: {tcp.syn: 100pps}}\n", Purpose::kReplay);
  EXPECT_THAT(c.live.interfaces, IsEmpty());
}

TEST(EdgeConfig, RulesStandInTheFileOrInFilesOfTheirOwn) {
  char pattern[] = "/tmp/breakwater-config-XXXXXX";
  const std::string directory = mkdtemp(pattern);
  std::ofstream(directory + "/rules.yaml")
      << "rules:\n  - {id: ntp, match: ip.dst == 203.0.113.7 and udp.srcport == 123, action: drop}\n";
  const std::string text =
      std::string(kMinimal) +
      "rules:\n  - {id: dns, match: ip.dst == 203.0.113.7 and udp.srcport == 53, action: drop, for: 1h}\n"
      "rule_files: [rules.yaml]\n";
  const auto parse = [&](const std::string& t) { return ParseConfig(t, directory + "/edge.yaml", {.now = kNow}); };
  LoadedConfig loaded = parse(text);
  ASSERT_TRUE(loaded.config) << testing::PrintToString(loaded.problems);
  ASSERT_EQ(loaded.config->control.operator_rules.size(), 2u);
  EXPECT_EQ(loaded.config->control.operator_rules[0].id, "dns");
  EXPECT_EQ(loaded.config->control.operator_rules[0].expires, kNow + absl::Hours(1));
  EXPECT_EQ(loaded.config->control.operator_rules[1].id, "ntp");

  std::ofstream(directory + "/rules.yaml")
      << "rules:\n  - {id: dns, match: ip.dst == 203.0.113.7 and udp.srcport == 1900, action: drop}\n";
  EXPECT_THAT(parse(text).problems, ElementsAre(directory + "/edge.yaml: the rule id \"dns\" is there twice"));
  std::ofstream(directory + "/rules.yaml")
      << "rules:\n  - {id: l7, match: 'http.path == \"/\" and ip.dst == 203.0.113.7', action: drop}\n";
  EXPECT_THAT(parse(text).problems, ElementsAre(testing::AllOf(HasSubstr("rule \"l7\""), HasSubstr("http.path"))));
  std::ofstream(directory + "/rules.yaml") << "rules:\n  - {id: bad, match: udp.srcport == foo, action: drop}\n";
  EXPECT_THAT(parse(text).problems, ElementsAre(HasSubstr(directory + "/rules.yaml:2:")));
  std::remove((directory + "/rules.yaml").c_str());
  EXPECT_THAT(parse(text).problems, ElementsAre(HasSubstr("can't read " + directory + "/rules.yaml")));
  rmdir(directory.c_str());
}

TEST(EdgeConfig, AMissingFileIsOneProblem) {
  const LoadedConfig loaded = LoadConfig("/nonexistent/edge.yaml", {});
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(loaded.problems, ElementsAre(HasSubstr("/nonexistent/edge.yaml")));
}

std::string FileText(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Example, IsValidAlsoWithEveryCommentedKeyTurnedOn) {
  const std::string text = FileText("deploy/examples/edge.yaml");
  ASSERT_FALSE(text.empty());
  Good(text);
  // Comments that hold a key become the key; prose stays a comment.
  std::istringstream lines(text);
  std::string all;
  bool in_prose = true;
  for (std::string line; std::getline(lines, line);) {
    const size_t hash = line.find("# ");
    if (hash != std::string::npos && line.find_first_not_of(' ') == hash) {
      const std::string body = line.substr(hash + 2);
      const size_t word = body.find_first_not_of(" -{");
      const size_t end = body.find_first_not_of("abcdefghijklmnopqrstuvwxyz_.", word);
      const bool item = body.find_first_not_of(' ') != std::string::npos && body[body.find_first_not_of(' ')] == '-';
      in_prose = !(item || (end != std::string::npos && end > word && body[end] == ':'));
      if (!in_prose) line = line.substr(0, hash) + body;
    }
    all += line + "\n";
  }
  const EdgeConfig full = Good(all, Purpose::kRun, "deploy/examples/edge.yaml");
  EXPECT_EQ(full.control.operator_rules.size(), 2u);
  EXPECT_EQ(full.control.sources.size(), 2u) << all;
  EXPECT_EQ(full.control.guards.entries().size(), 2u);
  for (const window::Vector vector : {BW_VECTOR_TCP_SYN, BW_VECTOR_UDP_OTHER}) {
    EXPECT_EQ(full.control.detector.host_floors[vector], detect::DefaultFloor(vector)) << "the example shows defaults";
  }
  EXPECT_EQ(full.control.lease, control::Settings{}.lease);
  EXPECT_EQ(full.control.detector.prefix_floor_factor, detect::DetectorConfig{}.prefix_floor_factor);
  EXPECT_EQ(full.control.detector.baseline_factor, detect::DetectorConfig{}.baseline_factor);
  EXPECT_EQ(full.control.detector.quiet_before_end, detect::DetectorConfig{}.quiet_before_end);
  EXPECT_EQ(full.state_directory, EdgeConfig{}.state_directory);
  EXPECT_EQ(full.admin_socket, EdgeConfig{}.admin_socket);
  EXPECT_EQ(full.http_listen, EdgeConfig{}.http_listen);
  EXPECT_EQ(full.control.policies[0].undeclared, datapath::Undeclared::kDrop);
}

std::set<std::string> RowsOf(const std::string& page, const std::string& begin) {
  std::set<std::string> rows;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(begin)) rows.insert(line);
  }
  return rows;
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
  const std::string page = FileText("docs/reference/config.md");
  std::set<std::string> known;
  AddKnownKeys("", known);
  for (const char* section :
       {"edge", "detection", "mitigation", "state", "admin", "http", "log", "anycast", "coordinator"}) {
    EXPECT_EQ(known.erase(section), 1u);
    AddKnownKeys(section, known);
  }
  EXPECT_GT(known.size(), 15u);
  for (const std::string& key : known) EXPECT_THAT(page, HasSubstr("\n| `" + key + "` | "));
}

TEST(Reference, HasEveryVectorWithItsFloor) {
  std::set<std::string> expected;
  for (int v = 0; v < BW_VECTOR_MAX; ++v) {
    const auto vector = static_cast<window::Vector>(v);
    const std::string name(window::vector_name(vector));
    if (!window::vector_from_name(name)) continue;
    const auto pps = static_cast<uint64_t>(detect::DefaultFloor(vector).pps);
    expected.insert("| `" + name + "` | " + config::RateText({pps, config::RateUnit::kPackets}) + " | " +
                    std::string(window::vector_description(vector)) + " |");
  }
  std::set<std::string> documented;
  for (const char* family : {"| `ip.", "| `tcp.", "| `udp.", "| `icmp."})
    documented.merge(RowsOf(FileText("docs/reference/config.md"), family));
  EXPECT_EQ(documented, expected);
}

TEST(Summary, SaysWhatIsProtected) {
  EXPECT_EQ(Summary(Good(kMinimal)),
            "edge edge on eth0\n"
            "protects 203.0.113.0/24: tcp/80, icmp/8 100pps, icmp/3 1kpps; the rest is dropped\n"
            "0 source entries, 0 guards, 0 rules of yours, detection on\n");
}

constexpr char kCoordinator[] =
    "coordinator:\n"
    "  addresses: [coordinator.example:7442, '192.0.2.1:7442', '[2001:db8::1]:7442']\n"
    "  tls: {ca: /etc/breakwater/ca.pem, certificate: /etc/breakwater/edge.pem, key: /etc/breakwater/edge.key}\n"
    "  rule_keys: [/etc/breakwater/signing.key.pub]\n"
    "  queue: 8MiB\n"
    "  reconnect_max: 5s\n";

TEST(CoordinatorSection, IsReadAndIsNotNeeded) {
  EXPECT_FALSE(Good(kMinimal).coordinator);
  const EdgeConfig config = Good(std::string(kMinimal) + kCoordinator);
  ASSERT_TRUE(config.coordinator);
  EXPECT_THAT(config.coordinator->addresses,
              ElementsAre("coordinator.example:7442", "192.0.2.1:7442", "[2001:db8::1]:7442"));
  EXPECT_EQ(config.coordinator->certificate, "/etc/breakwater/edge.pem");
  EXPECT_THAT(config.coordinator->rule_keys, ElementsAre("/etc/breakwater/signing.key.pub"));
  EXPECT_EQ(config.coordinator->queue_bytes, uint64_t{8} << 20);
  EXPECT_EQ(config.coordinator->reconnect_max, absl::Seconds(5));
  EXPECT_THAT(Summary(config), HasSubstr("coordinator coordinator.example:7442, 192.0.2.1:7442"));
  EXPECT_THAT(NeedsRestart(Good(kMinimal), config), ElementsAre("coordinator"));
}

TEST(CoordinatorSection, EveryMistakeInItIsNamed) {
  EXPECT_THAT(Problems(std::string(kMinimal) + "coordinator: {}\n"), ::testing::SizeIs(6))
      << "addresses, tls and its three, rule_keys";
  const auto with = [](std::string_view addresses, std::string_view rule_keys) {
    return Problems(std::string(kMinimal) + "coordinator:\n  addresses: " + std::string(addresses) +
                    "\n  tls: {ca: /a, certificate: /b, key: /c}\n  rule_keys: " + std::string(rule_keys) + "\n");
  };
  EXPECT_THAT(with("['a:1']", "[/k]"), IsEmpty());
  for (const char* wrong :
       {"['a']", "['a:0']", "['a:99999']", "[':1']", "['a b:1']", "['a:1', 'a:1']", "[]", "['[x]:1']"})
    EXPECT_THAT(with(wrong, "[/k]"), ::testing::Not(IsEmpty())) << wrong;
  EXPECT_THAT(with("['a:1']", "[]"), ElementsAre(HasSubstr("1 to 8 public keys")));
  EXPECT_THAT(with("['a:1']", "[relative.pub]"), ElementsAre(HasSubstr("absolute path")));
}

TEST(NeedsRestart, NamesWhatCannotChangeWhileRunning) {
  const EdgeConfig a = Good(kMinimal);
  EdgeConfig b = a;
  b.control.lease = absl::Seconds(90);
  EXPECT_THAT(NeedsRestart(a, b), IsEmpty());
  b.live.interfaces.push_back("eth1");
  b.admin_socket = "/tmp/x";
  EXPECT_THAT(NeedsRestart(a, b), ElementsAre("interfaces", "admin.socket"));
}

}  // namespace
}  // namespace breakwater::settings
