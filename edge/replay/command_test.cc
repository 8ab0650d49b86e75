// The command as people run it, with the real packet filter, detector and control: captures in, one object out.
#include "edge/replay/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "CLI/CLI.hpp"
#include "edge/datapath/test_kernel.h"
#include "edge/replay/testing.h"

namespace breakwater::replay {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempFile;
using testing::TestPacket;
using Json = nlohmann::ordered_json;

constexpr uint32_t kLinkEthernet = 1;
constexpr uint32_t kLinkRadiotap = 127;
constexpr uint32_t kVictim = 0xcb007107;     // 203.0.113.7
constexpr uint32_t kNeighbour = 0xcb007108;  // 203.0.113.8
constexpr uint32_t kVisitors = 0xc6336400;   // 198.51.100.0
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1000 * kMillisecond;
constexpr uint32_t kSeed = 20240117;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
  Json json;
};

Outcome RunWith(Arguments arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Outcome outcome;
  outcome.status = RunReplay(arguments, out, err);
  outcome.out = out.str();
  outcome.err = err.str();
  if (arguments.json && !outcome.out.empty()) {
    outcome.json = Json::parse(outcome.out, nullptr, false);
    EXPECT_FALSE(outcome.json.is_discarded()) << outcome.out;
    outcome.json.erase("speed");
  }
  return outcome;
}

// DNS answers from many servers to one victim: 4,000 a second.
Bytes DnsFlood(int64_t seconds) {
  std::mt19937 random(kSeed);
  std::vector<TestPacket> packets;
  for (int64_t time = 0; time < seconds * kSecond; time += kSecond / 4000) {
    const uint32_t server = 0xc6120000 | random() % 500;  // 198.18.0.0/15
    packets.push_back({time, testing::Ethernet(0x0800, testing::UdpV4(server, kVictim, 53,
                                                                      static_cast<uint16_t>(1024 + random() % 60000),
                                                                      400 + random() % 100))});
  }
  return testing::Pcap(kLinkEthernet, packets);
}

// Visitors' packets to two addresses, 200 a second, of the victim's protocol too.
Bytes Visitors(int64_t seconds) {
  std::mt19937 random(kSeed);
  std::vector<TestPacket> packets;
  for (int64_t time = 0; time < seconds * kSecond; time += 5 * kMillisecond) {
    const uint32_t visitor = kVisitors | random() % 200;
    const uint16_t port = static_cast<uint16_t>(1024 + random() % 60000);
    const uint32_t destination = random() % 2 == 0 ? kVictim : kNeighbour;
    packets.push_back(
        {time, testing::Ethernet(0x0800, random() % 2 == 0 ? testing::TcpSynV4(visitor, destination, port, 443)
                                                           : testing::UdpV4(visitor, destination, port, 443, 60))});
  }
  return testing::Pcap(kLinkEthernet, packets);
}

TEST(ReplayCommand, FindsAndDropsAFlood) {
  TempFile attack("flood.pcap", DnsFlood(5));
  TempFile clean("visitors.pcap", Visitors(20));
  Outcome r = RunWith(
      {.json = true, .auto_protect = true, .attack = {attack.path()}, .clean = {clean.path()}, .measure = true});
  ASSERT_EQ(r.status, 0) << r.err;
  SCOPED_TRACE(r.out);
  ASSERT_EQ(r.json["attacks"].size(), 1u);
  const Json& found = r.json["attacks"][0];
  EXPECT_EQ(found["target"], "203.0.113.7");
  EXPECT_EQ(found["vector"], "udp.dns");
  EXPECT_LE(found["first_packet_s"].get<double>(), 0.1);
  EXPECT_LE(found["detected_s"].get<double>(), 0.3);
  EXPECT_LE(found["first_drop_s"].get<double>(), 0.5);
  EXPECT_GT(found["ended_s"].get<double>(), 5.0);
  EXPECT_THAT(found["signature"].get<std::string>(), HasSubstr("203.0.113.7"));
  EXPECT_FALSE(found["rules"].empty());
  EXPECT_EQ(found["clean_dropped"], 0);
  EXPECT_EQ(found["attack_dropped"], r.json["attack"]["dropped_packets"]);
  EXPECT_EQ(r.json["drop_reasons"]["drop_rule"], r.json["attack"]["dropped_packets"]);
  EXPECT_EQ(r.json["clean"]["dropped_packets"], 0);
  EXPECT_EQ(r.json["attack"]["packets"], 20000);
  EXPECT_GE(r.json["attack"]["dropped_packets"].get<int>(), 17000);
  const Json& after = found["after_detection"];
  EXPECT_GE(after["attack_dropped"].get<double>(), 0.9 * after["attack_packets"].get<double>());
  EXPECT_EQ(found["measured"]["attack_packets"], 20000);
  EXPECT_GE(found["measured"]["attack_matched"].get<int>(), 19000);
  EXPECT_EQ(found["measured"]["clean_matched"], 0);
}

TEST(ReplayCommand, IsRepeatable) {
  TempFile attack("flood.pcap", DnsFlood(2));
  TempFile clean("visitors.pcap", Visitors(3));
  const Arguments arguments{.json = true,
                            .auto_protect = true,
                            .attack = {attack.path()},
                            .clean = {clean.path()},
                            .loop = 2,
                            .measure = true};
  const Outcome first = RunWith(arguments);
  EXPECT_EQ(first.json["attack"]["packets"], 16000);
  EXPECT_EQ(first.json.dump(), RunWith(arguments).json.dump());
}

TEST(ReplayCommand, WithoutDetectionPassesEverything) {
  TempFile attack("flood.pcap", DnsFlood(1));
  Outcome r = RunWith({.json = true, .auto_protect = true, .attack = {attack.path()}, .no_detect = true});
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.json["attack"]["dropped_packets"], 0);
  EXPECT_THAT(r.json["attacks"], IsEmpty());
  EXPECT_THAT(r.json["drop_reasons"], IsEmpty());
}

TEST(ReplayCommand, OnlyProtectedDestinationsLosePackets) {
  TempFile attack("flood.pcap", DnsFlood(2));
  Outcome other = RunWith({.json = true, .protect = {"203.0.113.128/25"}, .attack = {attack.path()}});
  EXPECT_EQ(other.json["attack"]["dropped_packets"], 0);
  EXPECT_THAT(other.json["attacks"], IsEmpty());
  Outcome victim =
      RunWith({.json = true, .protect = {"203.0.113.128/25", "203.0.113.0/25"}, .attack = {attack.path()}});
  EXPECT_GT(victim.json["attack"]["dropped_packets"].get<int>(), 0);
}

TEST(ReplayCommand, PrintsEveryKeyInItsOrder) {
  TempFile attack("three.pcap",
                  testing::Pcap(kLinkEthernet,
                                {{5 * kSecond, testing::Ethernet(0x0800, testing::UdpV4(kVisitors, kVictim, 53, 4000))},
                                 {6 * kSecond, testing::Ethernet(0x0800, Bytes{0x45, 0, 0})},
                                 {7 * kSecond + 5, testing::Ethernet(0x0806, Bytes(28))}}));
  TempFile clean("radio.pcap", testing::Pcap(kLinkRadiotap, {{0, Bytes(30)}}));
  Outcome r = RunWith({.json = true, .attack = {attack.path()}, .clean = {clean.path(), "/nonexistent.pcap"}});
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("nothing is protected"));
  EXPECT_THAT(r.err, HasSubstr("/nonexistent.pcap: can't be opened"));
  r.json["files"][0]["file"] = "three.pcap";
  r.json["files"][1]["file"] = "radio.pcap";
  EXPECT_EQ(r.json.dump(2), R"({
  "attack": {
    "packets": 3,
    "bytes": 36,
    "dropped_packets": 0,
    "dropped_bytes": 0
  },
  "clean": {
    "packets": 1,
    "bytes": 0,
    "dropped_packets": 0,
    "dropped_bytes": 0
  },
  "files": [
    {
      "file": "three.pcap",
      "label": "attack",
      "packets": 3,
      "dropped_packets": 0,
      "unparsed_packets": 1,
      "error": null
    },
    {
      "file": "radio.pcap",
      "label": "clean",
      "packets": 1,
      "dropped_packets": 0,
      "unparsed_packets": 1,
      "error": null,
      "note": "1 packets of link type IEEE802_11_RADIO (127) can't be read: counted as unparsed, not judged"
    },
    {
      "file": "/nonexistent.pcap",
      "label": "clean",
      "packets": 0,
      "dropped_packets": 0,
      "unparsed_packets": 0,
      "error": "can't be opened: No such file or directory"
    }
  ],
  "drop_reasons": {},
  "attacks": [],
  "rules": [],
  "after_detection": {
    "attack_packets": 0,
    "attack_dropped": 0,
    "clean_packets": 0,
    "clean_dropped": 0
  },
  "duration_s": 2.000000005,
  "engine": "native"
})");
}

TEST(ReplayCommand, ReplaysWhatComesAheadOfDamage) {
  Bytes whole = DnsFlood(1);
  Bytes cut(whole.begin(), whole.end() - 5);
  TempFile damaged("damaged.pcap", cut);
  TempFile text("text.pcap", Bytes{'h', 'e', 'l', 'l', 'o'});
  TempFile empty("empty.pcap", {});
  TempFile good("good.pcap", whole);
  Outcome r =
      RunWith({.json = true, .attack = {damaged.path(), text.path(), empty.path(), good.path()}, .clean = {"/"}});
  EXPECT_EQ(r.status, 1);
  std::vector<int> packets;
  std::vector<bool> failed;
  for (const Json& file : r.json["files"]) {
    packets.push_back(file["packets"]);
    failed.push_back(!file["error"].is_null());
  }
  EXPECT_THAT(packets, ElementsAre(3999, 0, 0, 4000, 0));
  EXPECT_THAT(failed, ElementsAre(true, true, true, false, true));
  EXPECT_EQ(r.json["attack"]["packets"], 7999);
}

Bytes Text(std::string_view text) { return Bytes(text.begin(), text.end()); }

TEST(ReplayCommand, PutsOperatorsRulesInForce) {
  TempFile attack("flood.pcap", DnsFlood(1));
  TempFile clean("visitors.pcap", Visitors(2));
  TempFile rules("rules.yaml",
                 Text("rules:\n"
                      "  - {id: no-dns, match: ip.dst == 203.0.113.7 and udp.srcport == 53, action: drop}\n"
                      "  - {id: seen, match: ip.dst == 203.0.113.8 and udp.dstport == 443, action: drop, mode: "
                      "observe, for: 1s}\n"));
  Outcome r = RunWith({.json = true,
                       .protect = {"203.0.113.0/24"},
                       .attack = {attack.path()},
                       .clean = {clean.path()},
                       .rules = rules.path(),
                       .no_detect = true});
  ASSERT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.json["attack"]["dropped_packets"], 4000);
  EXPECT_EQ(r.json["clean"]["dropped_packets"], 0);
  EXPECT_EQ(r.json["drop_reasons"].dump(), R"({"drop_rule":4000})");
  ASSERT_EQ(r.json["rules"].size(), 2u);
  EXPECT_EQ(r.json["rules"][0].dump(),
            R"({"id":"no-dns","match":"ip.dst == 203.0.113.7 and udp.srcport == 53","action":"drop","mode":"enforce",)"
            R"("state":"matching","installed_s":0.0,"enforced_s":0.0,"matched_packets":4000,"attack_dropped":4000,)"
            R"("clean_dropped":0})");
  EXPECT_EQ(r.json["rules"][1]["state"], "removed");
  EXPECT_EQ(r.json["rules"][1]["enforced_s"], nullptr);
  EXPECT_GT(r.json["rules"][1]["matched_packets"].get<int>(), 20);
}

TEST(ReplayCommand, RefusesRulesThatAreWrong) {
  TempFile rules("rules.yaml", Text("rules:\n  - {id: a, match: udp.sourceport == 53, action: drop}\n"));
  Outcome wrong = RunWith({.json = true, .auto_protect = true, .rules = rules.path()});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_EQ(wrong.out, "");
  EXPECT_THAT(wrong.err, ::testing::AllOf(HasSubstr("rules.yaml:2:"), HasSubstr("udp.sourceport")));
  EXPECT_THAT(RunWith({.rules = "/nonexistent.yaml"}).err, HasSubstr("/nonexistent.yaml: can't be read"));
  EXPECT_THAT(RunWith({.rules = "/"}).err, HasSubstr("/: can't be read"));
  TempFile huge("huge.yaml", Bytes((1 << 20) + 1, ' '));
  EXPECT_THAT(RunWith({.rules = huge.path()}).err, HasSubstr("is longer than 1048576 bytes"));
}

TEST(ReplayCommand, ReadsAConfiguration) {
  TempFile attack("flood.pcap", DnsFlood(1));
  TempFile config("edge.yaml", Text("protect:\n  - {prefix: 203.0.113.0/24, services: [tcp/443]}\n"));
  Outcome r = RunWith({.json = true, .attack = {attack.path()}, .config = config.path()});
  ASSERT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.json["drop_reasons"].dump(), R"({"drop_undeclared":4000})");
  // Its policy is kept when the same prefix is protected on the command line.
  EXPECT_EQ(RunWith({.json = true, .protect = {"203.0.113.0/24"}, .attack = {attack.path()}, .config = config.path()})
                .json.dump(),
            r.json.dump());
  TempFile wrong("wrong.yaml", Text("protekt: []\n"));
  EXPECT_THAT(RunWith({.config = wrong.path()}).err,
              ::testing::AllOf(HasSubstr("wrong.yaml:1:1"), HasSubstr("protekt")));
}

TEST(ReplayCommand, BothEnginesSayTheSame) {
  BREAKWATER_NEEDS_KERNEL();
  TempFile attack("flood.pcap", DnsFlood(1));
  TempFile clean("visitors.pcap", Visitors(1));
  Arguments arguments{.json = true, .auto_protect = true, .attack = {attack.path()}, .clean = {clean.path()}};
  Outcome native = RunWith(arguments);
  arguments.engine = "kernel";
  Outcome kernel = RunWith(arguments);
  ASSERT_EQ(kernel.status, 0) << kernel.err;
  EXPECT_EQ(kernel.json["engine"], "kernel");
  EXPECT_GT(kernel.json["attack"]["dropped_packets"].get<int>(), 3000);
  arguments.compare_engines = true;
  Outcome both = RunWith(arguments);
  ASSERT_EQ(both.status, 0) << both.err;
  for (Outcome* outcome : {&native, &kernel, &both}) outcome->json.erase("engine");
  EXPECT_EQ(native.json.dump(), kernel.json.dump());
  EXPECT_EQ(native.json.dump(), both.json.dump());
}

TEST(ReplayCommand, SurvivesFileNamesThatAreNotText) {
  Outcome r = RunWith({.json = true, .clean = {"/nonexistent-\xff\xfe.pcap"}});
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.json["files"][0]["file"].get<std::string>(), HasSubstr("/nonexistent-"));
}

TEST(ReplayCommand, RefusesAPrefixThatIsNone) {
  Outcome r = RunWith({.json = true, .protect = {"203.0.113.7/24"}});
  EXPECT_EQ(r.status, 1);
  EXPECT_EQ(r.out, "");
  EXPECT_THAT(r.err, HasSubstr("--protect 203.0.113.7/24: "));
}

TEST(ReplayCommand, SaysWhenTheResultCannotBeWritten) {
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  EXPECT_EQ(RunReplay({.json = true}, out, err), 1);
  EXPECT_THAT(err.str(), HasSubstr("couldn't be written"));
}

TEST(ReplayCommand, TellsWhatHappensAsItHappens) {
  TempFile attack("flood.pcap", DnsFlood(1));
  Outcome r = RunWith({.json = true, .auto_protect = true, .attack = {attack.path()}, .events = true});
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.err, ::testing::ContainsRegex("0\\.[0-9]00 s: attack [^ ]+ detected: udp.dns on 203.0.113.7, peak "));
  EXPECT_THAT(r.err, ::testing::ContainsRegex("s: rule [^ ]+ confirmed: "));
}

TEST(ReplayCommand, HasAPageForPeople) {
  TempFile attack("flood.pcap", DnsFlood(2));
  Outcome r = RunWith({.auto_protect = true, .attack = {attack.path(), "/nonexistent.pcap"}, .measure = true});
  EXPECT_THAT(r.out, ::testing::AllOf(HasSubstr("attack  8000 packets"), HasSubstr("udp.dns on 203.0.113.7"),
                                      HasSubstr("signature: "), HasSubstr("signatures match"),
                                      HasSubstr("error: can't be opened")));
}

TEST(ReplayCommand, ReadsItsCommandLine) {
  CLI::App program;
  Command command = AddReplayCommand(program);
  EXPECT_NO_THROW(program.parse("replay --json --attack a b --clean c --attack d --loop 3 --engine kernel", false));
  EXPECT_TRUE(command.app->parsed());
  for (const char* wrong :
       {"replay --loop 0", "replay --loop x", "replay --engine other", "replay --bogus", "replay file"}) {
    EXPECT_THROW(program.parse(wrong, false), CLI::ParseError) << wrong;
  }
}

}  // namespace
}  // namespace breakwater::replay
