#include "common/fleet/session_wire.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "common/fleet/signing.h"
#include "common/net/ip.h"
#include "common/rule/rule_wire.h"
#include "common/window/window_wire.h"

namespace breakwater::fleet {
namespace {

using Bounds = SessionBounds;

constexpr size_t kHashBytes = 32;
constexpr int64_t kMaxTimeUs = int64_t{1} << 53;
constexpr int64_t kMaxTimeMs = int64_t{1} << 53;
constexpr uint32_t kPermille = 1000;

absl::Status Wrong(const std::string& field, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, " ", std::string(what)));
}

// The first thing that is wrong is kept, with the place that was named by then.
class Checker {
 public:
  explicit Checker(std::string place) : place_(std::move(place)) {}

  Checker& Size(std::string_view field, size_t size, size_t limit, std::string_view unit = " bytes") {
    if (size > limit) Fail(field, absl::StrCat("has ", size, std::string(unit), ", the limit is ", limit));
    return *this;
  }
  Checker& Count(std::string_view field, int count, int limit) {
    return Size(field, static_cast<size_t>(count), static_cast<size_t>(limit), "");
  }
  Checker& Exactly(std::string_view field, size_t size, size_t expected) {
    if (size != expected) Fail(field, absl::StrCat("has ", size, " bytes, must have ", expected));
    return *this;
  }
  Checker& Range(std::string_view field, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high) Fail(field, absl::StrCat("is ", value, ", must be in ", low, "..", high));
    return *this;
  }
  Checker& Positive(std::string_view field, double value) {
    if (!std::isfinite(value) || value < 0) Fail(field, "isn't a finite number of at least 0");
    return *this;
  }
  Checker& Name(std::string_view field, std::string_view text) {
    if (!IsName(text)) Fail(field, absl::StrCat("has ", text.size(), " bytes; expected 1 to 64 of a-z 0-9 . _ -"));
    return *this;
  }
  Checker& Version(std::string_view field, const v1::SetVersion& version) {
    if (!version.hash().empty()) Exactly(absl::StrCat(std::string(field), ".hash"), version.hash().size(), kHashBytes);
    return *this;
  }
  Checker& Signed(const std::string& signature, const std::string& key_id) {
    return Exactly("signature", signature.size(), kSignatureBytes).Exactly("key_id", key_id.size(), kKeyIdBytes);
  }
  Checker& Target(std::string_view field, const v1::Target& target) {
    if (const auto read = window::TargetFromProto(target); !read.ok()) Fail(field, read.status().message());
    return *this;
  }
  template <typename StringView>
  void Fail(std::string_view field, const StringView& what) {
    if (status_.ok()) status_ = Wrong(absl::StrCat(place_, ".", std::string(field)), std::string(what));
  }
  void Take(const absl::Status& s) {
    if (status_.ok()) status_ = s;
  }
  const absl::Status& status() const { return status_; }

 private:
  std::string place_;
  absl::Status status_;
};

std::string At(std::string_view list, int index) { return absl::StrCat(std::string(list), "[", index, "]"); }

template <typename List>
void CheckStatuses(std::string_view field, const List& list, Checker& check) {
  check.Count(field, list.size(), Bounds::kStatuses);
  for (int i = 0; i < list.size() && check.status().ok(); ++i) {
    const auto status = rule::RuleStatusFromProto(list[i]);
    if (!status.ok()) check.Fail(At(field, i), absl::StrCat(": ", std::string(status.status().message())));
  }
}

absl::Status Check(const v1::Hello& m) {
  Checker check("hello");
  if (m.boot_id() == 0) check.Fail("boot_id", "is 0");
  if (m.protocol_version() == 0) check.Fail("protocol_version", "is 0");
  check.Size("software_version", m.software_version().size(), Bounds::kName)
      .Count("capabilities", m.capabilities_size(), Bounds::kCapabilities)
      .Version("applied", m.applied())
      .Version("proven", m.proven())
      .Count("quarantined", m.quarantined_size(), Bounds::kQuarantined)
      .Count("prefixes", m.prefixes_size(), Bounds::kPrefixes);
  for (int i = 0; i < m.capabilities_size(); ++i) check.Name(At("capabilities", i), m.capabilities(i));
  for (int i = 0; i < m.quarantined_size(); ++i) check.Version(At("quarantined", i), m.quarantined(i));
  if (!m.edge_class().empty()) check.Name("edge_class", m.edge_class());
  for (int i = 0; i < m.prefixes_size() && check.status().ok(); ++i) {
    check.Size(At("prefixes", i), m.prefixes(i).size(), Bounds::kPrefix);
    const absl::StatusOr<net::IpPrefix> prefix = net::IpPrefix::Parse(m.prefixes(i));
    if (!prefix.ok() || prefix->ToString() != m.prefixes(i))
      check.Fail(At("prefixes", i), "isn't a prefix as we write it");
  }
  CheckStatuses("exceptions", m.exceptions(), check);
  return check.status();
}

absl::Status Check(const v1::Heartbeat& m) {
  Checker check("heartbeat");
  check.Version("applied", m.applied())
      .Version("received", m.received())
      .Range("cpu_permille", m.cpu_permille(), 0, kPermille)
      .Range("softirq_permille", m.softirq_permille(), 0, kPermille)
      .Count("interfaces", m.interfaces_size(), Bounds::kInterfaces)
      .Size("anycast_reason", m.anycast_reason().size(), Bounds::kReason);
  if (!v1::AnycastState_IsValid(m.anycast())) check.Fail("anycast", absl::StrCat("is ", m.anycast()));
  for (int i = 0; i < m.interfaces_size(); ++i) {
    const std::string& name = m.interfaces(i).name();
    if (name.empty()) check.Fail(absl::StrCat(At("interfaces", i), ".name"), "is empty");
    check.Size(absl::StrCat(At("interfaces", i), ".name"), name.size(), Bounds::kInterfaceName);
  }
  return check.status();
}

absl::Status Check(const v1::RuleStatuses& m) {
  Checker check("rule_statuses");
  CheckStatuses("statuses", m.statuses(), check);
  return check.status();
}

absl::Status Check(const v1::LocalRule& m) {
  Checker check("local_rule");
  check.Name("rule.id", m.rule().id())
      .Size("rule", m.rule().ByteSizeLong(), Bounds::kRule)
      .Name("attack_id", m.attack_id())
      .Target("target", m.target())
      .Range("vector", m.vector(), 0, Bounds::kVectors - 1)
      .Positive("threshold_pps", m.threshold_pps())
      .Positive("attack_share", m.attack_share())
      .Positive("baseline_share", m.baseline_share());
  if (m.attack_share() > 1) check.Fail("attack_share", "is over 1");
  if (m.baseline_share() > 1) check.Fail("baseline_share", "is over 1");
  return check.status();
}

absl::Status Check(const v1::AttackReport& m) {
  Checker check("attack_report");
  check.Name("attack_id", m.attack_id())
      .Target("target", m.target())
      .Range("vector", m.vector(), 0, Bounds::kVectors - 1)
      .Range("first_packet_unix_us", m.first_packet_unix_us(), 0, kMaxTimeUs)
      .Range("detected_unix_us", m.detected_unix_us(), 0, kMaxTimeUs)
      .Range("first_drop_unix_us", m.first_drop_unix_us(), 0, kMaxTimeUs)
      .Range("ended_unix_us", m.ended_unix_us(), 0, kMaxTimeUs)
      .Positive("threshold_pps", m.threshold_pps())
      .Positive("peak_pps", m.peak_pps())
      .Positive("peak_bps", m.peak_bps())
      .Count("rule_ids", m.rule_ids_size(), Bounds::kAttackRules)
      .Size("note", m.note().size(), Bounds::kNote);
  for (int i = 0; i < m.rule_ids_size(); ++i) check.Name(At("rule_ids", i), m.rule_ids(i));
  constexpr std::string_view kStates[] = {"detected", "mitigating", "mitigated", "ended"};
  if (std::find(std::begin(kStates), std::end(kStates), m.state()) == std::end(kStates)) {
    check.Fail("state", "is none of detected, mitigating, mitigated, ended");
  }
  return check.status();
}

absl::Status Check(const v1::ClockProbe& m) {
  Checker check("clock_probe");
  check.Range("edge_sent_us", m.edge_sent_us(), 0, kMaxTimeUs);
  return check.status();
}

absl::Status Check(const v1::CertificateRequest& m) {
  Checker check("certificate_request");
  check.Size("csr", m.csr().size(), Bounds::kCsr);
  return check.status();
}

absl::Status Check(const v1::ResyncRequest& m) {
  Checker check("resync_request");
  check.Size("reason", m.reason().size(), Bounds::kReason);
  return check.status();
}

absl::Status Check(const v1::Welcome& m) {
  Checker check("welcome");
  check.Range("protocol_version", m.protocol_version(), kProtocolVersion, kProtocolVersion)
      .Range("heartbeat_ms", m.heartbeat_ms(), Bounds::kMinHeartbeatMs, Bounds::kMaxHeartbeatMs)
      .Version("desired", m.desired());
  return check.status();
}

absl::Status Check(const v1::Manifest& m) {
  Checker check("manifest");
  check.Size("content", m.content().size(), Bounds::kManifest).Signed(m.signature(), m.key_id());
  return check.status();
}

template <typename List>
void CheckRules(std::string_view field, const List& rules, int limit, Checker& check) {
  check.Count(field, rules.size(), limit);
  for (int i = 0; i < rules.size() && check.status().ok(); ++i) {
    Checker one(absl::StrCat("snapshot or delta, ", At(field, i)));
    one.Size("rule", rules[i].rule().size(), Bounds::kRule).Signed(rules[i].signature(), rules[i].key_id());
    check.Take(one.status());
  }
}

absl::Status Check(const v1::SnapshotChunk& m) {
  Checker check("snapshot");
  check.Version("version", m.version()).Range("chunks", m.chunks(), 1, Bounds::kChunks);
  if (m.index() >= m.chunks()) check.Fail("index", absl::StrCat("is ", m.index(), " of ", m.chunks(), " chunks"));
  CheckRules("rules", m.rules(), Bounds::kRulesInChunk, check);
  return check.status();
}

absl::Status Check(const v1::Delta& m) {
  Checker check("delta");
  check.Version("from", m.from()).Version("to", m.to()).Count("removals", m.removals_size(), Bounds::kRemovals);
  CheckRules("upserts", m.upserts(), Bounds::kUpserts, check);
  for (int i = 0; i < m.removals_size(); ++i) check.Name(At("removals", i), m.removals(i));
  return check.status();
}

absl::Status Check(const v1::StopEnforcing& m) {
  Checker check("stop_enforcing");
  check.Size("content", m.content().size(), Bounds::kStop).Signed(m.signature(), m.key_id());
  return check.status();
}

absl::Status Check(const v1::ClockReply& m) {
  Checker check("clock_reply");
  check.Range("edge_sent_us", m.edge_sent_us(), 0, kMaxTimeUs)
      .Range("coordinator_received_us", m.coordinator_received_us(), 0, kMaxTimeUs)
      .Range("coordinator_sent_us", m.coordinator_sent_us(), 0, kMaxTimeUs);
  return check.status();
}

absl::Status Check(const v1::IssuedCertificate& m) {
  Checker check("certificate");
  check.Range("certificates' count", m.certificates_size(), 1, Bounds::kCertificates);
  for (int i = 0; i < m.certificates_size(); ++i) {
    check.Size(At("certificates", i), m.certificates(i).size(), Bounds::kCertificate);
  }
  return check.status();
}

absl::Status Check(const v1::GoAway& m) {
  Checker check("go_away");
  check.Range("jitter_ms", m.jitter_ms(), 0, Bounds::kGoAwayJitterMs)
      .Count("coordinators", m.coordinators_size(), Bounds::kCoordinators)
      .Size("reason", m.reason().size(), Bounds::kReason);
  for (int i = 0; i < m.coordinators_size(); ++i) {
    check.Size(At("coordinators", i), m.coordinators(i).size(), Bounds::kCoordinator);
  }
  return check.status();
}

absl::Status Unknown() {
  return absl::InvalidArgumentError("a message of a kind that this version doesn't know; update it");
}

template <typename Message>
absl::StatusOr<Message> ParseContent(std::string_view content, std::string_view what, size_t limit) {
  Message message;
  if (content.size() > limit || !message.ParseFromArray(content.data(), static_cast<int>(content.size()))) {
    return absl::InvalidArgumentError(absl::StrCat("the content of the ", std::string(what), " can't be read"));
  }
  return message;
}

}  // namespace

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= Bounds::kName &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

absl::Status CheckEdgeMessage(const v1::EdgeMessage& m) {
  switch (m.message_case()) {
    case v1::EdgeMessage::kHello:
      return Check(m.hello());
    case v1::EdgeMessage::kHeartbeat:
      return Check(m.heartbeat());
    case v1::EdgeMessage::kRuleStatuses:
      return Check(m.rule_statuses());
    case v1::EdgeMessage::kLocalRule:
      return Check(m.local_rule());
    case v1::EdgeMessage::kClockProbe:
      return Check(m.clock_probe());
    case v1::EdgeMessage::kCertificateRequest:
      return Check(m.certificate_request());
    case v1::EdgeMessage::kAttackReport:
      return Check(m.attack_report());
    case v1::EdgeMessage::kResyncRequest:
      return Check(m.resync_request());
    case v1::EdgeMessage::MESSAGE_NOT_SET:
      break;
  }
  return Unknown();
}

absl::Status CheckCoordinatorMessage(const v1::CoordinatorMessage& m) {
  switch (m.message_case()) {
    case v1::CoordinatorMessage::kWelcome:
      return Check(m.welcome());
    case v1::CoordinatorMessage::kManifest:
      return Check(m.manifest());
    case v1::CoordinatorMessage::kSnapshot:
      return Check(m.snapshot());
    case v1::CoordinatorMessage::kDelta:
      return Check(m.delta());
    case v1::CoordinatorMessage::kStopEnforcing:
      return Check(m.stop_enforcing());
    case v1::CoordinatorMessage::kClockReply:
      return Check(m.clock_reply());
    case v1::CoordinatorMessage::kCertificate:
      return Check(m.certificate());
    case v1::CoordinatorMessage::kGoAway:
      return Check(m.go_away());
    case v1::CoordinatorMessage::MESSAGE_NOT_SET:
      break;
  }
  return Unknown();
}

absl::Status CheckTelemetryUp(const v1::TelemetryUp& m) {
  Checker check("telemetry");
  check.Count("windows", m.windows_size(), Bounds::kWindows);
  return check.status();
}

absl::Status CheckTelemetryDown(const v1::TelemetryDown& m) {
  Checker check("telemetry");
  check.Count("grants", m.grants_size(), Bounds::kGrants)
      .Range("credits.min_interval_ms", m.credits().min_interval_ms(), 0, Bounds::kMinInterval);
  if (m.credits().bytes() > Bounds::kCredits) {
    check.Fail("credits.bytes", absl::StrCat("is ", m.credits().bytes(), ", the limit is ", Bounds::kCredits));
  }
  for (int i = 0; i < m.grants_size(); ++i) {
    check.Target(absl::StrCat(At("grants", i), ".target"), m.grants(i).target())
        .Range(absl::StrCat(At("grants", i), ".vector"), m.grants(i).vector(), 0, Bounds::kVectors - 1)
        .Range(absl::StrCat(At("grants", i), ".until_unix_ms"), m.grants(i).until_unix_ms(), 0, kMaxTimeMs);
  }
  return check.status();
}

absl::StatusOr<v1::ManifestContent> ParseManifest(std::string_view content) {
  absl::StatusOr<v1::ManifestContent> m = ParseContent<v1::ManifestContent>(content, "manifest", Bounds::kManifest);
  if (!m.ok()) return m;
  Checker check("manifest");
  if (m->view().empty()) check.Fail("view", "is empty");
  check.Size("view", m->view().size(), Bounds::kView)
      .Version("desired", m->desired())
      .Range("rules", m->rules(), 0, Bounds::kRulesInSet);
  if (m->desired().revision() == 0 && m->rules() != 0) check.Fail("desired.revision", "is 0, which is the empty set");
  if (!check.status().ok()) return check.status();
  return m;
}

absl::StatusOr<v1::StopEnforcingContent> ParseStop(std::string_view content) {
  absl::StatusOr<v1::StopEnforcingContent> m =
      ParseContent<v1::StopEnforcingContent>(content, "order to stop enforcing", Bounds::kStop);
  if (!m.ok()) return m;
  Checker check("stop_enforcing");
  check.Size("reason", m->reason().size(), Bounds::kReason).Range("until_unix_ms", m->until_unix_ms(), 0, kMaxTimeMs);
  if (m->serial() == 0) check.Fail("serial", "is 0");
  if (!check.status().ok()) return check.status();
  return m;
}

std::string VersionText(const v1::SetVersion& version) {
  return absl::StrCat("epoch ", version.epoch(), ", revision ", version.revision());
}

bool OlderThan(const v1::SetVersion& a, const v1::SetVersion& b) {
  return std::tuple(a.epoch(), a.revision()) < std::tuple(b.epoch(), b.revision());
}

bool SameVersion(const v1::SetVersion& a, const v1::SetVersion& b) {
  return a.epoch() == b.epoch() && a.revision() == b.revision() && a.hash() == b.hash();
}

}  // namespace breakwater::fleet
