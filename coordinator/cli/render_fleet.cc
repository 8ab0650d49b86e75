// The fleet's pages: overview, edges, traffic.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "coordinator/cli/render.h"
#include "coordinator/cli/text.h"

namespace breakwater::cli {
namespace {

std::string RateText(const v1::RateView& rate) {
  return absl::StrCat(Si(rate.pps()), " packets/s, ", Si(rate.bps()), "bit/s; dropped ", Si(rate.dropped_pps()),
                      " packets/s, ", Si(rate.dropped_bps()), "bit/s");
}

// "2 of 3", yellow when some are missing.
Cell OutOf(double some, double all) {
  return {absl::StrCat(Count(some), " of ", Count(all)), some < all ? Colour::kYellow : Colour::kNone};
}

Cell EdgeState(const v1::EdgeView& edge) {
  const Colour colour = edge.state() == "connected" ? edge.ready() ? Colour::kGreen : Colour::kYellow
                        : edge.state() == "silent"  ? Colour::kYellow
                                                    : Colour::kRed;
  return {edge.state() == "connected" && !edge.ready() ? "connected, not ready" : edge.state(), colour};
}

Cell Anycast(const v1::EdgeView& edge) {
  if (edge.anycast().empty()) return "-";
  return {edge.anycast(), edge.anycast() == "announced" ? Colour::kNone : Colour::kYellow};
}

// "17", or "15 (behind)".
Cell Applied(const v1::EdgeView& edge) {
  const std::string revision = edge.applied().revision().empty() ? "-" : edge.applied().revision();
  return edge.behind() ? Cell(revision + " (behind)", Colour::kYellow) : Cell(revision);
}

Cell DroppedCell(double dropped) { return {Si(dropped), dropped > 0 ? Colour::kYellow : Colour::kNone}; }

std::string InterfaceText(const v1::EdgeView& edge) {
  std::vector<std::string> parts;
  for (const v1::InterfaceView& i : edge.interfaces()) {
    parts.push_back(absl::StrCat(i.name(), " (", i.mode(), ")", i.present() ? "" : " GONE"));
  }
  return parts.empty() ? "-" : absl::StrJoin(parts, ", ");
}

struct Sum {
  double known = 0, pps = 0, bps = 0, dropped_pps = 0, dropped_bps = 0;
};

std::string Bar(double value, double most, size_t width) {
  if (!(most > 0) || !(value > 0)) return "";
  const double filled = std::clamp(value / most, 0.0, 1.0) * static_cast<double>(width);
  return std::string(std::max<size_t>(1, static_cast<size_t>(std::lround(filled))), '#');
}

}  // namespace

std::string OverviewText(const v1::OverviewView& view, const v1::AttacksView& active, const Style& style) {
  Facts facts;
  facts.Add("coordinator", absl::StrCat(view.coordinator(), " (", view.software_version(), ")"));
  facts.Add("enforcing", view.panic() ? Cell(absl::StrCat("STOPPED: ", view.panic_reason()), Colour::kRed)
                                      : Cell(absl::StrCat("yes, revision ", view.desired().revision(), " of epoch ",
                                                          view.desired().epoch())));
  const bool all_there = view.edges_connected() >= view.edges() && view.edges_behind() == 0;
  facts.Add("edges", {absl::StrCat(Count(view.edges_connected()), " of ", Count(view.edges()), " connected, ",
                                   Count(view.edges_behind()), " behind"),
                      all_there ? Colour::kNone : Colour::kYellow});
  facts.Add("traffic", RateText(view.total()));
  facts.Add("attacks", {absl::StrCat(Count(view.active_attacks()), " active"),
                        view.active_attacks() > 0 ? Colour::kRed : Colour::kNone});
  facts.Add("rules", Count(view.rules()));
  std::string out = facts.Text(style);
  if (view.needs_you_size() > 0) {
    absl::StrAppend(&out, "\n", Coloured("needs you", Colour::kBold, style), "\n");
    for (const std::string& line : view.needs_you()) {
      absl::StrAppend(&out, "  ", Coloured(Printable(line), Colour::kYellow, style), "\n");
    }
  }
  if (view.regions_size() > 0) {
    Table table({{"REGION"},
                 {"EDGES"},
                 {"ANNOUNCING"},
                 {"ATTACKS", Column::kRight},
                 {"PACKETS/S", Column::kRight},
                 {"BIT/S", Column::kRight},
                 {"DROPPED/S", Column::kRight}});
    for (const v1::RegionView& r : view.regions()) {
      table.Add({r.name(),
                 OutOf(r.edges_connected(), r.edges()),
                 Count(r.edges_announcing()),
                 {Count(r.active_attacks()), r.active_attacks() > 0 ? Colour::kRed : Colour::kNone},
                 Si(r.total().pps()),
                 Si(r.total().bps()),
                 DroppedCell(r.total().dropped_pps())});
    }
    absl::StrAppend(&out, "\n", table.Text(style));
  }
  if (active.attacks_size() > 0) absl::StrAppend(&out, "\n", AttacksText(active, style));
  return out;
}

std::string EdgesText(const v1::EdgesView& view, double now_unix_s, const Style& style) {
  Table table({{"EDGE"},
               {"REGION"},
               {"STATE"},
               {"HEARD"},
               {"REVISION"},
               {"ANYCAST"},
               {"RULES", Column::kRight},
               {"PACKETS/S", Column::kRight},
               {"BIT/S", Column::kRight},
               {"DROPPED/S", Column::kRight},
               {"CPU", Column::kRight},
               {"CLASS", Column::kLeft, true},
               {"VERSION", Column::kLeft, true},
               {"CONNECTED", Column::kLeft, true},
               {"CLOCK", Column::kRight, true},
               {"REFUSED RULES", Column::kRight, true},
               {"WINDOWS LOST", Column::kRight, true},
               {"INTERFACES", Column::kLeft, true}});
  for (const v1::EdgeView& e : view.edges()) {
    table.Add({e.id(),
               e.region(),
               e.panic() ? Cell("PANIC", Colour::kRed) : EdgeState(e),
               Age(e.last_heard_unix_s(), now_unix_s),
               Applied(e),
               Anycast(e),
               Count(e.rules_installed()),
               Si(e.total().pps()),
               Si(e.total().bps()),
               DroppedCell(e.total().dropped_pps()),
               Share(e.cpu_share(), 1),
               e.class_().empty() ? "-" : e.class_(),
               e.software_version(),
               UtcTime(e.connected_unix_s()),
               absl::StrFormat("%.1fms", e.clock_offset_ms()),
               {Count(e.rejected_rules()), e.rejected_rules() > 0 ? Colour::kRed : Colour::kNone},
               Count(e.lost_windows()),
               InterfaceText(e)});
  }
  return table.Text(style);
}

std::string EdgeText(const v1::EdgeView& e, double now_unix_s, const Style& style) {
  Facts facts;
  facts.Add("edge", absl::StrCat(e.id(), " in ", e.region(), e.class_().empty() ? "" : ", class ", e.class_()));
  facts.Add("version", e.software_version());
  facts.Add("state", EdgeState(e));
  facts.Add("connected", UtcTime(e.connected_unix_s()));
  facts.Add("heard", absl::StrCat(Age(e.last_heard_unix_s(), now_unix_s), " ago; last window ",
                                  Age(e.last_window_unix_s(), now_unix_s), " ago"));
  facts.Add("clock", absl::StrFormat("%.1f ms off", e.clock_offset_ms()));
  facts.Add("enforcing", e.panic() ? Cell("STOPPED (panic)", Colour::kRed) : Cell("yes"));
  facts.Add("anycast", e.anycast_reason().empty()
                           ? Anycast(e)
                           : Cell(absl::StrCat(e.anycast(), ": ", e.anycast_reason()), Anycast(e).colour));
  facts.Add("received", absl::StrCat("revision ", e.received().revision(), " of epoch ", e.received().epoch()));
  facts.Add("applied", {absl::StrCat("revision ", e.applied().revision(), " of epoch ", e.applied().epoch(),
                                     e.behind() ? " (behind)" : ""),
                        e.behind() ? Colour::kYellow : Colour::kNone});
  facts.Add("rules", {absl::StrCat(Count(e.rules_installed()), " installed, ", Count(e.rejected_rules()), " refused"),
                      e.rejected_rules() > 0 ? Colour::kRed : Colour::kNone});
  facts.Add("traffic", RateText(e.total()));
  facts.Add("cpu", Share(e.cpu_share(), 1));
  facts.Add("windows", absl::StrCat(Count(e.duplicate_windows()), " twice, ", Count(e.refused_windows()), " refused, ",
                                    Count(e.lost_windows()), " lost"));
  facts.Add("interfaces", InterfaceText(e));
  facts.Add("prefixes", e.prefixes_size() == 0 ? "-" : absl::StrJoin(e.prefixes(), ", "));
  return facts.Text(style);
}

std::string TrafficText(const v1::TrafficView& view, const Style& style) {
  constexpr int kRows = 20;
  constexpr size_t kBar = 24;
  const int points = view.points_size();
  const int each = style.wide ? 1 : std::max(1, (points + kRows - 1) / kRows);
  std::vector<Sum> sums;
  for (int i = 0; i < points; i += each) {
    Sum sum;
    for (int j = i; j < std::min(points, i + each); ++j) {
      const v1::TrafficPoint& p = view.points(j);
      if (!p.known()) continue;
      sum.known += 1;
      sum.pps += p.pps();
      sum.bps += p.bps();
      sum.dropped_pps += p.dropped_pps();
      sum.dropped_bps += p.dropped_bps();
    }
    sums.push_back(sum);
  }
  double most = 0;
  for (const Sum& s : sums) {
    if (s.known > 0) most = std::max(most, s.pps / s.known);
  }
  Table table({{"FROM (UTC)"},
               {"PACKETS/S", Column::kRight},
               {"BIT/S", Column::kRight},
               {"DROPPED/S", Column::kRight},
               {"DROPPED BIT/S", Column::kRight},
               {"DROPPED", Column::kRight},
               {""}});
  for (size_t i = 0; i < sums.size(); ++i) {
    const Sum& s = sums[i];
    const double start = view.start_unix_s() + static_cast<double>(i) * each * view.step_s();
    if (s.known == 0) {
      table.Add({UtcTime(start), "unknown", "", "", "", "", ""});
      continue;
    }
    table.Add({UtcTime(start), Si(s.pps / s.known), Si(s.bps / s.known), DroppedCell(s.dropped_pps / s.known),
               Si(s.dropped_bps / s.known), Share(s.dropped_pps, s.pps), Bar(s.pps / s.known, most, kBar)});
  }
  std::string out = absl::StrCat(Printable(view.region().empty() ? "the whole fleet" : view.region()),
                                 ", each row the mean of ", Duration(view.step_s() * each), "\n");
  return out + table.Text(style);
}

}  // namespace breakwater::cli
