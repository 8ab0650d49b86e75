// Parts of the configuration that the edge and the coordinator share: what guards are, how detection judges, where logs go.
//
//   const Detection detection = ReadDetection(root.Get("detection").AsMap(), detect::DetectorConfig{});
//   const rule::GuardList guards = ReadGuards(root.Get("guards"));
//
// Each function reports what is wrong to the value's document and returns what could be read. Keys of a map that a
// function doesn't know stay for its caller, who finishes the map.
#ifndef BREAKWATER_COMMON_SETTINGS_COMMON_SETTINGS_H_
#define BREAKWATER_COMMON_SETTINGS_COMMON_SETTINGS_H_

#include <string>

#include "common/config/config.h"
#include "common/detect/detector.h"
#include "common/log/log.h"
#include "common/rule/guard.h"

namespace breakwater::settings {

struct Detection {
  bool enabled = true;
  detect::DetectorConfig detector;
};

// The keys enabled, floors, prefix_floor_factor, baseline_factor, quiet_before_end.
Detection ReadDetection(config::Map map, detect::DetectorConfig defaults);

rule::GuardList ReadGuards(const config::Value& list);

struct LogSettings {
  log::Level level = log::Level::kInfo;
  log::Format format = log::Format::kAuto;
};

// All of "log:".
LogSettings ReadLog(config::Map map, LogSettings defaults);

// An absolute path, since a daemon's working directory means nothing.
std::string ReadPath(const config::Value& value, const std::string& fallback);

}  // namespace breakwater::settings

#endif  // BREAKWATER_COMMON_SETTINGS_COMMON_SETTINGS_H_
