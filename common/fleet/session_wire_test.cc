#include "common/fleet/session_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace breakwater::fleet {
namespace {

using ::testing::HasSubstr;

v1::EdgeMessage GoodHello() {
  v1::EdgeMessage m;
  v1::Hello& hello = *m.mutable_hello();
  hello.set_boot_id(7);
  hello.set_protocol_version(kProtocolVersion);
  hello.set_software_version("0.1.0");
  hello.add_capabilities("action.drop");
  hello.mutable_applied()->set_hash(std::string(32, 'h'));
  hello.add_prefixes("203.0.113.0/24");
  return m;
}

v1::SignedRule GoodRule() {
  v1::SignedRule rule;
  rule.set_rule("r");
  rule.set_signature(std::string(64, 's'));
  rule.set_key_id(std::string(8, 'k'));
  return rule;
}

v1::CoordinatorMessage GoodDelta() {
  v1::CoordinatorMessage m;
  m.mutable_delta()->mutable_to()->set_revision(3);
  *m.mutable_delta()->add_upserts() = GoodRule();
  m.mutable_delta()->add_removals("op-7");
  return m;
}

template <typename Message, typename Check>
void ExpectRefused(Message message, Check check, void (*spoil)(Message&), std::string_view says) {
  ASSERT_TRUE(check(message).ok()) << check(message);
  spoil(message);
  const absl::Status s = check(message);
  EXPECT_EQ(s.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(s.message()), HasSubstr(std::string(says)));
}

TEST(EdgeMessages, AHelloOverABoundIsRefusedWithTheFieldAndTheLimit) {
  using M = v1::EdgeMessage;
  ExpectRefused<M>(
      GoodHello(), CheckEdgeMessage, [](M& m) { m.mutable_hello()->set_boot_id(0); }, "boot_id");
  ExpectRefused<M>(
      GoodHello(), CheckEdgeMessage, [](M& m) { m.mutable_hello()->set_software_version(std::string(65, 'v')); },
      "software_version has 65 bytes, the limit is 64");
  ExpectRefused<M>(
      GoodHello(), CheckEdgeMessage,
      [](M& m) {
        for (int i = 0; i < 64; ++i) m.mutable_hello()->add_capabilities("c");
      },
      "capabilities has 65, the limit is 64");
  ExpectRefused<M>(
      GoodHello(), CheckEdgeMessage, [](M& m) { m.mutable_hello()->add_capabilities("Drop"); }, "capabilities[1]");
  ExpectRefused<M>(
      GoodHello(), CheckEdgeMessage, [](M& m) { m.mutable_hello()->mutable_applied()->set_hash("short"); },
      "applied.hash has 5 bytes, must have 32");
  ExpectRefused<M>(
      GoodHello(), CheckEdgeMessage, [](M& m) { m.mutable_hello()->add_prefixes("203.0.113.1/24"); }, "prefixes[1]");
  ExpectRefused<M>(
      GoodHello(), CheckEdgeMessage,
      [](M& m) { m.mutable_hello()->add_exceptions()->set_state(v1::RULE_STATE_INSTALLED); }, "exceptions[0]");
}

TEST(EdgeMessages, AnAttackReportWithNumbersThatAreNoneIsRefused) {
  using M = v1::EdgeMessage;
  M m;
  v1::AttackReport& report = *m.mutable_attack_report();
  report.set_attack_id("ams-1-5");
  report.mutable_target()->set_address(std::string("\xcb\x00\x71\x07", 4));
  report.mutable_target()->set_length(32);
  report.set_state("detected");
  ExpectRefused<M>(
      m, CheckEdgeMessage,
      [](M& x) { x.mutable_attack_report()->set_peak_pps(std::numeric_limits<double>::quiet_NaN()); }, "peak_pps");
  ExpectRefused<M>(
      m, CheckEdgeMessage, [](M& x) { x.mutable_attack_report()->set_peak_bps(-1); }, "peak_bps");
  ExpectRefused<M>(
      m, CheckEdgeMessage, [](M& x) { x.mutable_attack_report()->set_vector(96); }, "vector is 96");
  ExpectRefused<M>(
      m, CheckEdgeMessage, [](M& x) { x.mutable_attack_report()->set_state("over"); }, "state");
  ExpectRefused<M>(
      m, CheckEdgeMessage, [](M& x) { x.mutable_attack_report()->clear_target(); }, "target");
  ExpectRefused<M>(
      m, CheckEdgeMessage, [](M& x) { x.mutable_attack_report()->set_first_packet_unix_us(-5); },
      "first_packet_unix_us is -5");
}

TEST(EdgeMessages, AHeartbeatOverABoundIsRefused) {
  using M = v1::EdgeMessage;
  M m;
  m.mutable_heartbeat()->set_ready(true);
  ExpectRefused<M>(
      m, CheckEdgeMessage, [](M& x) { x.mutable_heartbeat()->set_cpu_permille(1001); }, "cpu_permille");
  ExpectRefused<M>(
      m, CheckEdgeMessage, [](M& x) { x.mutable_heartbeat()->set_anycast(static_cast<v1::AnycastState>(9)); },
      "anycast is 9");
  ExpectRefused<M>(
      m, CheckEdgeMessage, [](M& x) { x.mutable_heartbeat()->add_interfaces(); }, "interfaces[0].name");
}

TEST(EdgeMessages, OneThatIsNotKnownIsRefused) { EXPECT_FALSE(CheckEdgeMessage({}).ok()); }

TEST(CoordinatorMessages, ADeltaOverABoundIsRefused) {
  using M = v1::CoordinatorMessage;
  ExpectRefused<M>(
      GoodDelta(), CheckCoordinatorMessage,
      [](M& m) {
        for (int i = 0; i < 1024; ++i) *m.mutable_delta()->add_upserts() = GoodRule();
      },
      "upserts has 1025, the limit is 1024");
  ExpectRefused<M>(
      GoodDelta(), CheckCoordinatorMessage, [](M& m) { m.mutable_delta()->mutable_upserts(0)->set_signature("x"); },
      "upserts[0].signature has 1 bytes, must have 64");
  ExpectRefused<M>(
      GoodDelta(), CheckCoordinatorMessage,
      [](M& m) { m.mutable_delta()->mutable_upserts(0)->set_rule(std::string(65537, 'r')); }, "65537");
  ExpectRefused<M>(
      GoodDelta(), CheckCoordinatorMessage, [](M& m) { m.mutable_delta()->add_removals("../x"); }, "removals[1]");
}

TEST(CoordinatorMessages, ASnapshotWhoseIndexIsOutsideItsChunksIsRefused) {
  using M = v1::CoordinatorMessage;
  M m;
  m.mutable_snapshot()->set_chunks(2);
  m.mutable_snapshot()->set_index(1);
  ExpectRefused<M>(
      m, CheckCoordinatorMessage, [](M& x) { x.mutable_snapshot()->set_index(2); }, "index is 2 of 2");
  ExpectRefused<M>(
      m, CheckCoordinatorMessage, [](M& x) { x.mutable_snapshot()->set_chunks(1025); }, "chunks is 1025");
}

TEST(CoordinatorMessages, AWelcomeNeedsAVersionAndAPaceThatWork) {
  using M = v1::CoordinatorMessage;
  M m;
  m.mutable_welcome()->set_protocol_version(1);
  m.mutable_welcome()->set_heartbeat_ms(1000);
  ExpectRefused<M>(
      m, CheckCoordinatorMessage, [](M& x) { x.mutable_welcome()->set_heartbeat_ms(1); }, "heartbeat_ms");
  ExpectRefused<M>(
      m, CheckCoordinatorMessage, [](M& x) { x.mutable_welcome()->set_protocol_version(2); }, "protocol_version is 2");
}

TEST(Contents, AManifestNeedsAViewAndARevision) {
  v1::ManifestContent content;
  content.set_view("eu-west");
  content.mutable_desired()->set_revision(4);
  content.set_rules(2);
  ASSERT_TRUE(ParseManifest(content.SerializeAsString()).ok());
  EXPECT_FALSE(ParseManifest("\xff\xff garbage").ok());
  content.set_rules(10001);
  EXPECT_FALSE(ParseManifest(content.SerializeAsString()).ok());
  content.set_rules(1);
  content.clear_view();
  EXPECT_FALSE(ParseManifest(content.SerializeAsString()).ok());
  content.set_view("v");
  content.mutable_desired()->set_revision(0);
  EXPECT_FALSE(ParseManifest(content.SerializeAsString()).ok());
}

TEST(Contents, AnOrderToStopNeedsASerial) {
  v1::StopEnforcingContent content;
  content.set_on(true);
  EXPECT_FALSE(ParseStop(content.SerializeAsString()).ok());
  content.set_serial(1);
  EXPECT_TRUE(ParseStop(content.SerializeAsString()).ok());
  content.set_reason(std::string(257, 'r'));
  EXPECT_FALSE(ParseStop(content.SerializeAsString()).ok());
}

TEST(Versions, AreOrderedByEpochAndThenRevision) {
  v1::SetVersion a, b;
  a.set_epoch(1);
  a.set_revision(9);
  b.set_epoch(2);
  b.set_revision(1);
  EXPECT_TRUE(OlderThan(a, b));
  EXPECT_FALSE(OlderThan(b, a));
  EXPECT_FALSE(OlderThan(a, a));
  EXPECT_EQ(VersionText(b), "epoch 2, revision 1");
}

TEST(Telemetry, CreditsAndGrantsAreBounded) {
  v1::TelemetryDown down;
  EXPECT_TRUE(CheckTelemetryDown(down).ok());
  down.mutable_credits()->set_bytes((uint64_t{1} << 30) + 1);
  EXPECT_THAT(std::string(CheckTelemetryDown(down).message()), HasSubstr("credits.bytes"));
  down.clear_credits();
  down.add_grants()->set_vector(96);
  EXPECT_FALSE(CheckTelemetryDown(down).ok());
  v1::TelemetryUp up;
  for (int i = 0; i < 17; ++i) up.add_windows();
  EXPECT_THAT(std::string(CheckTelemetryUp(up).message()), HasSubstr("windows has 17, the limit is 16"));
}

}  // namespace
}  // namespace breakwater::fleet
