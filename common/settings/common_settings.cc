#include "common/settings/common_settings.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/window/vector.h"

namespace breakwater::settings {
namespace {

using config::Map;
using config::Value;

constexpr size_t kMaxGuardName = 64;

void ReadFloors(Map floors, detect::DetectorConfig& detector) {
  std::vector<std::string_view> names;
  for (int v = 0; v < BW_VECTOR_MAX; ++v) {
    const std::string_view name = window::vector_name(static_cast<window::Vector>(v));
    if (window::vector_from_name(name)) names.push_back(name);
  }
  for (const auto& [name, value] : floors.Entries()) {
    const std::optional<window::Vector> vector = window::vector_from_name(name);
    if (!vector) {
      const std::string meant = config::DidYouMean(name, names);
      value.Report(absl::StrCat(
          "unknown vector \"", name, "\"",
          meant.empty() ? "; docs/reference/config.md lists them" : absl::StrCat("; did you mean \"", meant, "\"?")));
      continue;
    }
    const std::string text = value.AsString();
    const size_t space = text.find(' ');
    const absl::StatusOr<config::Rate> packets = config::ParseRate(std::string_view(text).substr(0, space));
    absl::StatusOr<config::Rate> bits = config::Rate{0, config::RateUnit::kBits};
    if (space != std::string::npos) bits = config::ParseRate(std::string_view(text).substr(space + 1));
    if (!packets.ok() || !bits.ok() || packets->unit != config::RateUnit::kPackets || packets->per_second == 0 ||
        bits->unit != config::RateUnit::kBits) {
      value.Report(absl::StrCat(
          "expected a packet rate over 0 and perhaps a bit rate, like 1000pps or 1000pps 50Mbps, got \"", text, "\""));
      continue;
    }
    detector.host_floors[*vector] =
        detect::Floor{.pps = static_cast<double>(packets->per_second), .bps = static_cast<double>(bits->per_second)};
  }
}

}  // namespace

Detection ReadDetection(Map map, detect::DetectorConfig defaults) {
  Detection detection{.enabled = map.Get("enabled").AsBool(true), .detector = std::move(defaults)};
  detect::DetectorConfig& d = detection.detector;
  ReadFloors(map.Get("floors").AsMap(), d);
  d.prefix_floor_factor = map.Get("prefix_floor_factor").AsNumber(d.prefix_floor_factor, 1, 1000);
  d.baseline_factor = map.Get("baseline_factor").AsNumber(d.baseline_factor, 1.1, 1000);
  d.quiet_before_end = map.Get("quiet_before_end").AsDuration(d.quiet_before_end, absl::Seconds(1), absl::Hours(1));
  return detection;
}

rule::GuardList ReadGuards(const Value& list) {
  std::vector<rule::GuardEntry> guards;
  for (const Value& item : list.AsList()) {
    if (!item.IsMap()) {
      if (const std::optional<net::IpPrefix> prefix = item.AsPrefix())
        guards.push_back({*prefix, prefix->ToShortString()});
      continue;
    }
    Map map = item.AsMap();
    const std::optional<net::IpPrefix> prefix = map.Need("prefix").AsPrefix();
    const Value name_value = map.Get("name");
    const std::string name = name_value.AsString(prefix ? prefix->ToShortString() : "");
    if (name.size() > kMaxGuardName) name_value.Report(absl::StrCat("the name is over ", kMaxGuardName, " bytes"));
    map.Finish();
    if (prefix) guards.push_back({*prefix, name});
  }
  if (guards.size() > rule::GuardList::kMaxEntries) {
    list.Report(absl::StrCat(guards.size(), " guards; the limit is ", rule::GuardList::kMaxEntries));
  }
  return rule::GuardList(std::move(guards));
}

LogSettings ReadLog(Map map, LogSettings defaults) {
  LogSettings settings;
  settings.level = map.Get("level").AsChoice(defaults.level, {{"debug", log::Level::kDebug},
                                                              {"info", log::Level::kInfo},
                                                              {"warning", log::Level::kWarning},
                                                              {"error", log::Level::kError}});
  settings.format = map.Get("format").AsChoice(
      defaults.format, {{"auto", log::Format::kAuto}, {"json", log::Format::kJson}, {"logfmt", log::Format::kLogfmt}});
  map.Finish();
  return settings;
}

std::string ReadPath(const Value& value, const std::string& fallback) {
  const std::string path = value.AsString(fallback);
  if (path.empty() || path[0] != '/') value.Report(absl::StrCat("expected an absolute path, got \"", path, "\""));
  return path;
}

}  // namespace breakwater::settings
