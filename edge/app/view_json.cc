#include "edge/app/view_json.h"

#include <algorithm>

#include "common/service/version.h"
#include "nlohmann/json.hpp"

namespace breakwater::app {
namespace {

using Json = nlohmann::ordered_json;

Json TimeJson(absl::Time time) {
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return nullptr;
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

Json TimeJson(const std::optional<absl::Time>& time) { return time ? TimeJson(*time) : Json(nullptr); }

// A reason or note can quote what somebody sent: broken UTF-8 becomes U+FFFD.
std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string_view ModeText(datapath::AttachMode mode) {
  switch (mode) {
    case datapath::AttachMode::kAuto:
      return "auto";
    case datapath::AttachMode::kNative:
      return "native";
    case datapath::AttachMode::kGeneric:
      return "generic";
  }
  return "unknown";
}

Json CountsJson(const window::Counts& c) {
  return {{"packets", c.packets},
          {"bytes", c.bytes},
          {"dropped_packets", c.dropped_packets},
          {"dropped_bytes", c.dropped_bytes}};
}

Json ChecksJson(const service::Health::Report& health) {
  Json checks = Json::array();
  for (const service::Health::Check& c : health.checks)
    checks.push_back({{"name", c.name}, {"ok", c.ok}, {"detail", c.detail}});
  return checks;
}

Json VersionJson(const v1::SetVersion& version) {
  return {{"epoch", version.epoch()}, {"revision", version.revision()}};
}

Json CoordinatorJson(const CoordinatorStatus& c) {
  const link::LinkView& l = c.link;
  return {{"address", l.coordinator},
          {"state", link::LinkStateName(l.state)},
          {"since", TimeJson(l.since)},
          {"last_error", l.last_error.empty() ? Json(nullptr) : Json(l.last_error)},
          {"received", VersionJson(l.received)},
          {"applied", VersionJson(c.applied)},
          {"refused_rules", c.refused_rules},
          {"enforcing_armed_rules", c.enforcing_rules},
          {"stopped", c.stopped},
          {"stop_reason", c.stopped ? Json(c.stop_reason) : Json(nullptr)},
          {"stop_until", c.stopped ? TimeJson(c.stop_until) : Json(nullptr)},
          {"telemetry", l.telemetry_open},
          {"clock_offset_s", l.clock_offset ? Json(absl::ToDoubleSeconds(*l.clock_offset)) : Json(nullptr)},
          {"round_trip_s", absl::ToDoubleSeconds(l.round_trip)},
          {"sessions", l.sessions},
          {"refused_messages", l.refused_messages},
          {"resyncs", l.resyncs},
          {"windows_sent", l.windows_sent},
          {"windows_acknowledged", l.windows_acknowledged},
          {"windows_merged", l.windows_merged},
          {"windows_lost", l.windows_lost},
          {"windows_queued", l.queued_windows}};
}

std::string ActionText(const rule::Action& action) { return std::string(rule::ActionName(action.kind)); }

Json RuleJson(const control::RuleView& view, absl::Time now) {
  const rule::Rule& r = view.rule;
  Json json = {{"id", r.id},
               {"state", control::RuleStateName(view.state)},
               {"detail", view.detail},
               {"source", rules::RuleSourceName(view.source)},
               {"mode", rule::ModeName(r.mode)},
               {"enforcing", r.mode == rule::Mode::kEnforce || view.enforcing},
               {"action", ActionText(r.action)},
               {"match", r.match ? rule::CanonicalText(*r.match) : ""},
               {"origin", rule::OriginName(r.origin)},
               {"priority", r.priority},
               {"expires", TimeJson(r.expires)}};
  const bool leased = r.expires != absl::InfiniteFuture();
  json["lease_s"] = leased ? Json(std::max(0.0, absl::ToDoubleSeconds(r.expires - now))) : Json(nullptr);
  json["matched_packets"] = view.total.matched_packets;
  json["matched_bytes"] = view.total.matched_bytes;
  json["dropped_packets"] = view.total.dropped_packets;
  json["dropped_bytes"] = view.total.dropped_bytes;
  json["matched_pps"] = view.matched_pps;
  json["last_match"] = TimeJson(view.last_match);
  json["attack"] = r.attack_id.empty() ? Json(nullptr) : Json(r.attack_id);
  json["reason"] = r.reason;
  json["counter_slot"] = view.counter_slot;
  return json;
}

Json AttackJson(const detect::Attack& a) {
  Json signatures = Json::array();
  for (const detect::Signature& s : a.signatures) {
    signatures.push_back({{"id", s.id},
                          {"match", s.match ? rule::CanonicalText(*s.match) : ""},
                          {"attack_share", s.attack_share},
                          {"baseline_share", s.baseline_share}});
  }
  return {{"id", a.id},
          {"target", a.target.ToString()},
          {"vector", window::vector_name(a.vector)},
          {"state", detect::AttackStateName(a.state)},
          {"first_packet", TimeJson(a.first_packet)},
          {"detected", TimeJson(a.detected)},
          {"first_drop", TimeJson(a.first_drop)},
          {"ended", TimeJson(a.ended)},
          {"threshold_pps", a.threshold_pps},
          {"peak_pps", a.peak_pps},
          {"peak_bps", a.peak_bps},
          {"total", CountsJson(a.total)},
          {"signatures", signatures},
          {"note", a.note}};
}

}  // namespace

std::string StatusJson(const Status& s, const service::Health::Report& health,
                       const std::vector<control::RuleView>& rules, const std::vector<detect::Attack>& attacks) {
  Json json = {{"edge", s.edge_id},
               {"version", service::Version()},
               {"git_revision", service::Revision()},
               {"time", TimeJson(s.now)},
               {"started", TimeJson(s.started)},
               {"uptime_s", absl::ToDoubleSeconds(s.now - s.started)},
               {"config_read", TimeJson(s.config_read)},
               {"ready", health.ready},
               {"checks", ChecksJson(health)},
               {"notes", health.notes},
               {"panic", s.panic},
               {"panic_reason", s.panic ? Json(s.panic_reason) : Json(nullptr)},
               {"panic_since", s.panic ? TimeJson(s.panic_since) : Json(nullptr)},
               {"revision", s.revision},
               {"installed_revision", s.installed_revision},
               {"coordinator", s.coordinator ? CoordinatorJson(*s.coordinator) : Json(nullptr)}};
  Json interfaces = Json::array();
  for (const datapath::AttachedInterface& i : s.interfaces) {
    interfaces.push_back({{"name", i.name}, {"index", i.index}, {"mode", ModeText(i.mode)}, {"present", i.present}});
  }
  json["interfaces"] = interfaces;
  Json states = {{"received", 0}, {"validated", 0}, {"installed", 0}, {"matching", 0}, {"refused", 0}};
  for (const control::RuleView& view : rules) {
    Json& count = states[std::string(control::RuleStateName(view.state))];
    count = count.get<int>() + 1;
  }
  json["rules"] = states;
  json["attacks_active"] = std::count_if(
      attacks.begin(), attacks.end(), [](const detect::Attack& a) { return a.state != detect::AttackState::kEnded; });
  json["last_second"] = CountsJson(s.last_second);
  Json verdicts = Json::object();
#define BW_REASON_JSON(number, id, name, drops, description) \
  verdicts[name] = {{"packets", s.verdicts[number].packets}, {"bytes", s.verdicts[number].bytes}};
  BW_REASONS(BW_REASON_JSON)
#undef BW_REASON_JSON
  json["verdicts"] = verdicts;
  json["slots"] = s.slots;
  json["late_slots"] = s.late_slots;
  json["lost_samples"] = s.lost_samples;
  return Dump(json);
}

std::string RulesJson(const std::vector<control::RuleView>& rules, absl::Time now) {
  Json list = Json::array();
  for (const control::RuleView& view : rules) list.push_back(RuleJson(view, now));
  return Dump({{"rules", list}});
}

std::string AttacksJson(const std::vector<detect::Attack>& attacks) {
  Json list = Json::array();
  for (const detect::Attack& a : attacks) list.push_back(AttackJson(a));
  return Dump({{"attacks", list}});
}

std::string AnycastJson(const anycast::Report& report) {
  Json checks = Json::array();
  for (const anycast::Machine::Check& check : report.checks) {
    checks.push_back({{"name", check.name},
                      {"good", check.good},
                      {"on_failure", check.on_failure == anycast::Presence::kWithdrawn ? "withdraw" : "deprefer"},
                      {"detail", check.detail}});
  }
  return Dump({{"state", anycast::PresenceName(report.presence)},
               {"wanted", anycast::PresenceName(report.wanted)},
               {"confirmed", report.confirmed},
               {"draining", report.draining},
               {"reason", report.reason},
               {"checks", std::move(checks)}});
}

std::string HealthJson(const service::Health::Report& health) {
  return Dump(
      {{"ready", health.ready}, {"alive", health.alive}, {"checks", ChecksJson(health)}, {"notes", health.notes}});
}

}  // namespace breakwater::app
