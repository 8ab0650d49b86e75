#include "edge/app/tables.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace breakwater::app {
namespace {

using Json = nlohmann::json;

// The one place where nlohmann's exceptions end.
template <typename F>
absl::StatusOr<std::string> Render(std::string_view text, F&& render) {
  try {
    return render(Json::parse(text));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the edge's answer can't be read: ", error.what()));
  }
}

std::string Text(const Json& value, std::string_view absent = "-") {
  if (value.is_null()) return std::string(absent);
  return value.get<std::string>();
}

// "2026-01-02 03:04:05" of an RFC 3339 text.
std::string ShortTime(const Json& value) {
  std::string text = Text(value);
  if (text.size() < 19) return text;
  text.resize(19);
  text[10] = ' ';
  return text;
}

absl::Time ToTime(const Json& value) {
  absl::Time time = absl::InfiniteFuture();
  std::string error;
  if (value.is_string()) (void)absl::ParseTime(absl::RFC3339_full, value.get<std::string>(), &time, &error);
  return time;
}

// Seconds from one time of an attack to another: "0.21s".
std::string After(const Json& from, const Json& to) {
  if (from.is_null() || to.is_null()) return "-";
  return absl::StrFormat("%.2fs", absl::ToDoubleSeconds(ToTime(to) - ToTime(from)));
}

std::string CoordinatorText(const Json& c) {
  const std::string state = Text(c.at("state"));
  std::string text = absl::StrCat(state, state == "connected" ? absl::StrCat(" to ", Text(c.at("address"))) : "",
                                  " since ", ShortTime(c.at("since")), ", rules: revision ",
                                  c.at("applied").at("revision").get<uint64_t>(), " in force");
  if (c.at("applied") != c.at("received")) {
    absl::StrAppend(&text, ", ", c.at("received").at("revision").get<uint64_t>(), " received");
  }
  if (const auto refused = c.at("refused_rules").get<uint64_t>(); refused > 0) {
    absl::StrAppend(&text, ", ", refused, " refused here");
  }
  if (state != "connected" && !c.at("last_error").is_null()) absl::StrAppend(&text, "; ", Text(c.at("last_error")));
  return text;
}

}  // namespace

std::string ShortNumber(double n) {
  constexpr std::string_view kUnits[] = {"", "k", "M", "G", "T", "P"};
  size_t unit = 0;
  while (std::abs(n) >= 999.5 && unit + 1 < std::size(kUnits)) {
    n /= 1000;
    ++unit;
  }
  if (unit == 0) return absl::StrFormat("%.0f", n);
  const int decimals = n < 9.995 ? 2 : n < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f%s", decimals, n, std::string(kUnits[unit]));
}

std::string ShortDuration(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  if (s < 60) return absl::StrFormat("%ds", s);
  if (s < 3600) return absl::StrFormat("%dm%02ds", s / 60, s % 60);
  if (s < 86400) return absl::StrFormat("%dh%02dm", s / 3600, s % 3600 / 60);
  return absl::StrFormat("%dd%02dh", s / 86400, s % 86400 / 3600);
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

absl::StatusOr<std::string> StatusText(std::string_view json) {
  return Render(json, [](const Json& s) {
    std::vector<std::vector<std::string>> rows;
    rows.push_back(
        {"edge", absl::StrCat(s.at("edge").get<std::string>(), "  (breakwater-edge ",
                              s.at("version").get<std::string>(), ", ", s.at("git_revision").get<std::string>(), ")")});
    rows.push_back({"state", s.at("ready").get<bool>() ? "ready" : "NOT READY"});
    for (const Json& check : s.at("checks")) {
      if (!check.at("ok").get<bool>())
        rows.push_back({"", absl::StrCat(Text(check.at("name")), ": ", Text(check.at("detail")))});
    }
    const Json coordinator = s.value("coordinator", Json(nullptr));
    const bool stopped_here = s.at("panic").get<bool>();
    const bool stopped_there = coordinator.is_object() && coordinator.at("stopped").get<bool>();
    if (stopped_here) {
      rows.push_back({"enforcing", absl::StrCat("STOPPED since ", ShortTime(s.at("panic_since")),
                                                ", reason: ", Text(s.at("panic_reason")))});
    }
    if (stopped_there) {
      rows.push_back({stopped_here ? "" : "enforcing",
                      absl::StrCat("STOPPED by the coordinator, reason: ", Text(coordinator.at("stop_reason")))});
    }
    if (!stopped_here && !stopped_there) {
      rows.push_back({"enforcing", absl::StrCat("yes, revision ", s.at("installed_revision").get<uint64_t>())});
    }
    if (coordinator.is_object()) rows.push_back({"coordinator", CoordinatorText(coordinator)});
    rows.push_back({"up", absl::StrCat(ShortDuration(s.at("uptime_s").get<double>()), ", configuration read ",
                                       ShortTime(s.at("config_read")))});
    for (const Json& i : s.at("interfaces")) {
      rows.push_back({"interface", absl::StrCat(Text(i.at("name")), i.at("present").get<bool>()
                                                                        ? absl::StrCat(" (", Text(i.at("mode")), ")")
                                                                        : std::string(" GONE"))});
    }
    const Json& last = s.at("last_second");
    rows.push_back({"arriving", absl::StrCat(ShortNumber(last.at("packets").get<double>()), " packets/s, ",
                                             ShortNumber(last.at("bytes").get<double>() * 8), "bit/s")});
    rows.push_back({"dropped", absl::StrCat(ShortNumber(last.at("dropped_packets").get<double>()), " packets/s, ",
                                            ShortNumber(last.at("dropped_bytes").get<double>() * 8), "bit/s")});
    rows.push_back({"attacks", absl::StrCat(s.at("attacks_active").get<int64_t>(), " active")});
    std::string rules;
    for (const char* state : {"matching", "installed", "validated", "received", "refused"}) {
      absl::StrAppend(&rules, rules.empty() ? "" : ", ", s.at("rules").at(state).get<int64_t>(), " ", state);
    }
    rows.push_back({"rules", rules});
    for (const Json& note : s.at("notes")) rows.push_back({"note", note.get<std::string>()});
    return Table(rows);
  });
}

absl::StatusOr<std::string> RulesText(std::string_view json) {
  return Render(json, [](const Json& answer) -> std::string {
    const Json& rules = answer.at("rules");
    if (rules.empty()) return "no rules\n";
    std::vector<std::vector<std::string>> rows = {
        {"RULE", "STATE", "FROM", "MODE", "ACTION", "MATCHED", "DROPPED", "NOW/S", "LEASE", "MATCH"}};
    for (const Json& r : rules) {
      const Json& lease = r.at("lease_s");
      const std::string mode = Text(r.at("mode"));
      const bool confirmed = mode == "armed" && r.at("enforcing").get<bool>();
      rows.push_back({Text(r.at("id")), Text(r.at("state")), Text(r.at("source")), confirmed ? "armed, enforces" : mode,
                      Text(r.at("action")), ShortNumber(r.at("matched_packets").get<double>()),
                      ShortNumber(r.at("dropped_packets").get<double>()),
                      ShortNumber(r.at("matched_pps").get<double>()),
                      lease.is_null() ? "-" : ShortDuration(lease.get<double>()), Text(r.at("match"))});
    }
    std::string out = Table(rows);
    for (const Json& r : rules) {
      if (!Text(r.at("detail"), "").empty()) absl::StrAppend(&out, Text(r.at("id")), ": ", Text(r.at("detail")), "\n");
    }
    return out;
  });
}

absl::StatusOr<std::string> AttacksText(std::string_view json) {
  return Render(json, [](const Json& answer) -> std::string {
    const Json& attacks = answer.at("attacks");
    if (attacks.empty()) return "no attacks since the start\n";
    std::vector<std::vector<std::string>> rows = {{"ATTACK", "TARGET", "VECTOR", "STATE", "FIRST PACKET (UTC)",
                                                   "DETECTED", "1ST DROP", "PEAK", "DROPPED", "SIGNATURE"}};
    for (const Json& a : attacks) {
      const Json& signatures = a.at("signatures");
      const Json& total = a.at("total");
      const double packets = total.at("packets").get<double>();
      const double share = packets > 0 ? total.at("dropped_packets").get<double>() / packets : 0;
      rows.push_back({Text(a.at("id")), Text(a.at("target")), Text(a.at("vector")), Text(a.at("state")),
                      ShortTime(a.at("first_packet")), "+" + After(a.at("first_packet"), a.at("detected")),
                      a.at("first_drop").is_null() ? "-" : "+" + After(a.at("first_packet"), a.at("first_drop")),
                      ShortNumber(a.at("peak_pps").get<double>()) + "/s", absl::StrFormat("%.1f%%", share * 100),
                      signatures.empty() ? Text(a.at("note")) : Text(signatures[0].at("match"))});
      for (size_t i = 1; i < signatures.size(); ++i) {
        rows.push_back({"", "", "", "", "", "", "", "", "", Text(signatures[i].at("match"))});
      }
    }
    return Table(rows);
  });
}

}  // namespace breakwater::app
