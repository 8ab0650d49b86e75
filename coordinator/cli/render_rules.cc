// The pages about attacks and rules, and what happens to an address.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/cli/render.h"
#include "coordinator/cli/text.h"

namespace breakwater::cli {
namespace {

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

Cell AttackState(const std::string& state) {
  const Colour colour = state == "ended"       ? Colour::kDim
                        : state == "mitigated" ? Colour::kGreen
                        : state == "detected"  ? Colour::kRed
                                               : Colour::kYellow;
  return {state, colour};
}

bool Expired(const v1::RuleView& rule, double now_unix_s) {
  return rule.expires_unix_s() != 0 && rule.expires_unix_s() <= now_unix_s;
}

Cell RuleState(const std::string& state) {
  const Colour colour = state == "refused"                            ? Colour::kRed
                        : state == "matching" || state == "installed" ? Colour::kGreen
                                                                      : Colour::kYellow;
  return {state, colour};
}

// What has expired does nothing any more, whatever state was last heard.
Cell RuleState(const v1::RuleView& rule, double now_unix_s) {
  if (Expired(rule, now_unix_s)) return {"EXPIRED", Colour::kRed};
  return RuleState(OrDash(rule.state()));
}

Cell ExpiryCell(const v1::RuleView& rule, double now_unix_s) {
  return {Expiry(rule.expires_unix_s(), now_unix_s), Expired(rule, now_unix_s) ? Colour::kRed : Colour::kNone};
}

Cell EdgesCell(const v1::RuleView& rule) {
  const int installed = InstalledEdges(rule);
  const bool refused = std::any_of(rule.edges().begin(), rule.edges().end(),
                                   [](const v1::RuleEdgeView& e) { return e.state() == "refused"; });
  return {absl::StrCat(installed, "/", rule.edges_size()), refused                         ? Colour::kRed
                                                           : installed < rule.edges_size() ? Colour::kYellow
                                                                                           : Colour::kNone};
}

int EnforcingEdges(const v1::RuleView& rule) {
  return static_cast<int>(
      std::count_if(rule.edges().begin(), rule.edges().end(), [](const v1::RuleEdgeView& e) { return e.enforcing(); }));
}

std::string Scope(const v1::RuleView& rule) {
  std::vector<std::string> parts;
  if (rule.scope_regions_size() > 0)
    parts.push_back(absl::StrCat("regions ", absl::StrJoin(rule.scope_regions(), ", ")));
  if (rule.scope_edges_size() > 0) parts.push_back(absl::StrCat("edges ", absl::StrJoin(rule.scope_edges(), ", ")));
  if (rule.scope_prefixes_size() > 0) {
    parts.push_back(absl::StrCat("prefixes ", absl::StrJoin(rule.scope_prefixes(), ", ")));
  }
  return parts.empty() ? "everywhere" : absl::StrJoin(parts, "; ");
}

}  // namespace

int InstalledEdges(const v1::RuleView& rule) {
  return static_cast<int>(std::count_if(rule.edges().begin(), rule.edges().end(), [](const v1::RuleEdgeView& e) {
    return e.state() == "installed" || e.state() == "matching";
  }));
}

std::string RulePhrase(const v1::RuleView& rule) {
  return absl::StrCat(rule.action(), " ", rule.match(), " (", rule.origin(), ", ", rule.mode(), ")");
}

std::string AttacksText(const v1::AttacksView& view, const Style& style) {
  Table table({{"ATTACK"},
               {"TARGET"},
               {"VECTOR"},
               {"STATE"},
               {"FIRST PACKET (UTC)"},
               {"DETECTED", Column::kRight},
               {"1ST DROP", Column::kRight},
               {"NOW/S", Column::kRight},
               {"PEAK/S", Column::kRight},
               {"DROPPED", Column::kRight},
               {"BY", Column::kLeft, true},
               {"THRESHOLD/S", Column::kRight, true},
               {"PEAK BIT/S", Column::kRight, true},
               {"PACKETS", Column::kRight, true},
               {"ENDED (UTC)", Column::kLeft, true},
               {"SIGNATURE", Column::kGives}});
  for (const v1::AttackView& a : view.attacks()) {
    std::vector<std::string> signatures;
    for (const v1::SignatureView& s : a.signatures()) signatures.push_back(s.match());
    table.Add({a.id(), a.target(), a.vector(), AttackState(a.state()), UtcTime(a.first_packet_unix_s()),
               Offset(a.first_packet_unix_s(), a.detected_unix_s()),
               Offset(a.first_packet_unix_s(), a.first_drop_unix_s()), Si(a.now_pps()), Si(a.peak_pps()),
               Share(a.dropped_packets(), a.packets()), OrDash(a.detected_by()), Si(a.threshold_pps()),
               Si(a.peak_bps()), Si(a.packets()), UtcTime(a.ended_unix_s()),
               signatures.empty() ? OrDash(a.note()) : absl::StrJoin(signatures, "  |  ")});
  }
  return table.Text(style);
}

std::string AttackText(const v1::AttackView& a, const Style& style) {
  Facts facts;
  facts.Add("attack", a.id());
  facts.Add("target", absl::StrCat(a.target(), ", ", a.vector()));
  facts.Add("state", AttackState(a.state()));
  facts.Add("first packet", UtcTime(a.first_packet_unix_s()));
  facts.Add("detected",
            absl::StrCat(Offset(a.first_packet_unix_s(), a.detected_unix_s()), " by ", OrDash(a.detected_by())));
  facts.Add("first drop", Offset(a.first_packet_unix_s(), a.first_drop_unix_s()));
  if (a.ended_unix_s() != 0) {
    facts.Add("ended", absl::StrCat(UtcTime(a.ended_unix_s()), ", after ",
                                    Duration(a.ended_unix_s() - a.first_packet_unix_s())));
  }
  facts.Add("now", absl::StrCat(Si(a.now_pps()), " packets/s, dropped ", Si(a.now_dropped_pps()), " packets/s"));
  facts.Add("peak", absl::StrCat(Si(a.peak_pps()), " packets/s, ", Si(a.peak_bps()), "bit/s; threshold ",
                                 Count(a.threshold_pps()), " packets/s"));
  facts.Add("dropped", absl::StrCat(Si(a.dropped_packets()), " of ", Si(a.packets()), " packets (",
                                    Share(a.dropped_packets(), a.packets()), ")"));
  for (int i = 0; i < a.signatures_size(); ++i) {
    const v1::SignatureView& s = a.signatures(i);
    facts.Add(i == 0 ? "signature" : "", s.match());
    facts.Add("", {absl::StrCat("rule ", OrDash(s.rule_id()), "; in ", Share(s.attack_share(), 1),
                                " of the attack's samples, ", Share(s.baseline_share(), 1), " of clean ones"),
                   Colour::kDim});
  }
  if (!a.note().empty()) facts.Add("note", a.note());
  std::string out = facts.Text(style);
  if (a.timeline_size() > 0) {
    Table table({{"AFTER", Column::kRight}, {"WHAT"}, {"WHERE"}, {"RULE"}, {"", Column::kGives}});
    for (const v1::AttackEventView& e : a.timeline()) {
      table.Add({Offset(a.first_packet_unix_s(), e.unix_s()), e.kind(), e.edge().empty() ? "coordinator" : e.edge(),
                 OrDash(e.rule_id()), e.text()});
    }
    absl::StrAppend(&out, "\n", table.Text(style));
  }
  if (a.edges_size() > 0) {
    Table table({{"EDGE"},
                 {"REGION"},
                 {"DETECTED", Column::kRight},
                 {"1ST DROP", Column::kRight},
                 {"NOW/S", Column::kRight},
                 {"DROPPED/S", Column::kRight},
                 {"PACKETS", Column::kRight},
                 {"DROPPED", Column::kRight}});
    for (const v1::AttackEdgeView& e : a.edges()) {
      table.Add({e.edge(), e.region(), Offset(a.first_packet_unix_s(), e.detected_unix_s()),
                 Offset(a.first_packet_unix_s(), e.first_drop_unix_s()), Si(e.now_pps()), Si(e.now_dropped_pps()),
                 Si(e.packets()), Share(e.dropped_packets(), e.packets())});
    }
    absl::StrAppend(&out, "\n", table.Text(style));
  }
  return out;
}

std::string RulesText(const v1::RulesView& view, double now_unix_s, const Style& style) {
  Table table({{"RULE"},
               {"STATE"},
               {"MODE"},
               {"ACTION"},
               {"ORIGIN"},
               {"EDGES", Column::kRight},
               {"MATCHED", Column::kRight},
               {"DROPPED", Column::kRight},
               {"NOW/S", Column::kRight},
               {"EXPIRES", Column::kRight},
               {"PRIORITY", Column::kRight, true},
               {"ENFORCING", Column::kRight, true},
               {"BY", Column::kLeft, true},
               {"CREATED (UTC)", Column::kLeft, true},
               {"LAST MATCH", Column::kRight, true},
               {"SCOPE", Column::kLeft, true},
               {"REASON", Column::kLeft, true},
               {"MATCH", Column::kGives}});
  for (const v1::RuleView& r : view.rules()) {
    table.Add({r.id(), RuleState(r, now_unix_s), r.mode(), r.action(), r.origin(), EdgesCell(r),
               Si(r.matched_packets()), Si(r.dropped_packets()), Si(r.matched_pps()), ExpiryCell(r, now_unix_s),
               Count(r.priority()), absl::StrCat(EnforcingEdges(r)), OrDash(r.created_by()),
               UtcTime(r.created_unix_s()), Age(r.last_match_unix_s(), now_unix_s), Scope(r), OrDash(r.reason()),
               r.match()});
  }
  return table.Text(style);
}

std::string RuleText(const v1::RuleView& r, double now_unix_s, const Style& style) {
  Facts facts;
  facts.Add("rule", r.id());
  facts.Add("match", r.match());
  facts.Add("action", absl::StrCat(r.action(), ", mode ", r.mode(), ", priority ", Count(r.priority())));
  if (r.mode() == "armed") {
    facts.Add("confirms at", absl::StrCat(Count(r.confirm_pps()), " packets/s on an edge"));
  }
  facts.Add("scope", Scope(r));
  facts.Add("state", RuleState(r, now_unix_s));
  if (!r.detail().empty()) facts.Add("", {r.detail(), Colour::kRed});
  facts.Add("expires", ExpiryCell(r, now_unix_s));
  facts.Add("made", absl::StrCat(UtcTime(r.created_unix_s()), " by ", OrDash(r.created_by()), " (", r.origin(),
                                 "), revision ", OrDash(r.revision())));
  if (!r.reason().empty()) facts.Add("reason", r.reason());
  if (!r.attack_id().empty()) facts.Add("attack", r.attack_id());
  facts.Add("matched",
            absl::StrCat(Si(r.matched_packets()), " packets, now ", Si(r.matched_pps()), "/s; last ",
                         r.last_match_unix_s() == 0 ? "never" : Age(r.last_match_unix_s(), now_unix_s) + " ago"));
  facts.Add("dropped", absl::StrCat(Si(r.dropped_packets()), " packets, now ", Si(r.dropped_pps()), "/s"));
  std::string out = facts.Text(style);
  if (r.edges_size() > 0) {
    Table table({{"EDGE"},
                 {"REGION"},
                 {"STATE"},
                 {"DOES"},
                 {"MATCHED", Column::kRight},
                 {"DROPPED", Column::kRight},
                 {"MATCHED/S", Column::kRight},
                 {"DROPPED/S", Column::kRight},
                 {"DETAIL", Column::kGives}});
    for (const v1::RuleEdgeView& e : r.edges()) {
      table.Add({e.edge(), e.region(), RuleState(e.state()), e.enforcing() ? "enforces" : "counts",
                 Si(e.matched_packets()), Si(e.dropped_packets()), Si(e.matched_pps()), Si(e.dropped_pps()),
                 OrDash(e.detail())});
    }
    absl::StrAppend(&out, "\n", table.Text(style));
  }
  return out;
}

std::string ExplainText(const v1::ExplainIpView& view, double now_unix_s, const Style& style) {
  Facts facts;
  facts.Add("address", view.address());
  facts.Add("summary", {view.summary(), Colour::kBold});
  facts.Add("protected", view.protected_() ? "yes: it is a target rather than a source" : "no");
  facts.Add("guard", OrDash(view.guard()));
  std::string out = facts.Text(style);
  if (view.rules_size() > 0) {
    v1::RulesView rules;
    *rules.mutable_rules() = view.rules();
    absl::StrAppend(&out, "\n", RulesText(rules, now_unix_s, style));
  }
  if (view.attacks_size() > 0) {
    v1::AttacksView attacks;
    *attacks.mutable_attacks() = view.attacks();
    absl::StrAppend(&out, "\n", AttacksText(attacks, style));
  }
  return out;
}

}  // namespace breakwater::cli
