// Structured logs: one line per action, JSON for machines and logfmt for a terminal.
//
//   log::Configure({.level = log::Level::kInfo, .format = log::Format::kAuto});
//   const log::Logger logger("control");
//   logger.Info("rule_installed", "rule is in force", {{"rule", id}, {"lease_s", 60}});
//
//   {"ts":"2026-01-02T03:04:05.678Z","level":"info","component":"control","event":"rule_installed",
//    "msg":"rule is in force","rule":"fra1-7-1","lease_s":60}
//
// event is a stable snake_case name that people and alerts search for; msg is for reading. Values are escaped: control
// characters, line ends and broken UTF-8 can't forge a second line or drive a terminal. Never log secrets.
//
// Writing is asynchronous: when the reader of the output stalls, the oldest waiting lines are dropped and counted
// (DroppedLines) instead of stopping the caller. Thread-safe.
#ifndef BREAKWATER_COMMON_LOG_LOG_H_
#define BREAKWATER_COMMON_LOG_LOG_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace breakwater::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kAuto, kJson, kLogfmt };  // kAuto: logfmt on a terminal, else JSON

std::string_view LevelName(Level level);  // "debug", "info", "warning", "error"
std::optional<Level> LevelFromName(std::string_view name);
std::optional<Format> FormatFromName(std::string_view name);  // "auto", "json", "logfmt"

struct Field {
  using Value = std::variant<std::string, int64_t, uint64_t, double, bool>;

  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const absl::Status& v) : key(k), value(v.ToString()) {}
  template <typename T>
  requires std::is_arithmetic_v<T> Field(std::string_view k, T v) : key(k), value(FromNumber(v)) {}

  std::string key;
  Value value;

 private:
  template <typename T>
  static Value FromNumber(T v) {
    if constexpr (std::is_same_v<T, bool>) {
      return v;
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(v);
    } else if constexpr (std::is_signed_v<T>) {
      return static_cast<int64_t>(v);
    } else {
      return static_cast<uint64_t>(v);
    }
  }
};

struct Options {
  Level level = Level::kInfo;
  Format format = Format::kAuto;
  // Lines without their end go here instead of standard error. Called from one thread at a time.
  std::function<void(std::string_view)> sink;
};

// Replaces what was configured before; lines that wait are written first. Before the first call, and for processes that
// never call it, lines go to standard error in logfmt from level warning up.
void Configure(Options options);
void SetLevel(Level level);
Level CurrentLevel();
// Writes what waits, at most for that long; false when it took longer. Called before the process ends.
bool Flush(absl::Duration limit = absl::Seconds(2));
// Lines that were dropped because their reader stalled, since the process started.
uint64_t DroppedLines();

class Logger {
 public:
  // Names the part of the program: "control", "http".
  explicit Logger(std::string_view component) : component_(component) {}

  using Fields = std::initializer_list<Field>;
  void Debug(std::string_view event, std::string_view msg, Fields fields = {}) const;
  void Info(std::string_view event, std::string_view msg, Fields fields = {}) const;
  void Warning(std::string_view event, std::string_view msg, Fields fields = {}) const;
  void Error(std::string_view event, std::string_view msg, Fields fields = {}) const;
  void Write(Level level, std::string_view event, std::string_view msg, const std::vector<Field>& fields) const;

 private:
  std::string component_;
};

// One line without its end. Pure; what Logger writes.
std::string FormatLine(Format format, absl::Time time, Level level, std::string_view component, std::string_view event,
                       std::string_view msg, const std::vector<Field>& fields);
// text between double quotes with everything escaped that JSON, a line or a terminal could misread.
std::string Quote(std::string_view text);

}  // namespace breakwater::log

#endif  // BREAKWATER_COMMON_LOG_LOG_H_
