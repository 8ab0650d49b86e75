#include "common/service/health.h"

#include "absl/strings/str_cat.h"

namespace breakwater::service {

void Health::Expect(std::string_view check) {
  std::lock_guard lock(mutex_);
  checks_.try_emplace(std::string(check));
}

void Health::Set(std::string_view check, bool ok, std::string_view detail) {
  std::lock_guard lock(mutex_);
  checks_.insert_or_assign(std::string(check), State{ok, std::string(detail)});
}

void Health::Note(std::string_view name, std::string_view detail) {
  std::lock_guard lock(mutex_);
  if (detail.empty()) {
    notes_.erase(std::string(name));
  } else {
    notes_.insert_or_assign(std::string(name), std::string(detail));
  }
}

void Health::Beat() {
  std::lock_guard lock(mutex_);
  last_beat_ = clock_.Monotonic();
}

Health::Report Health::Read() const {
  std::lock_guard lock(mutex_);
  Report report;
  const absl::Duration silent = clock_.Monotonic() - last_beat_;
  report.alive = silent < kDead;
  const bool running = silent < kStalled;
  report.ready = running;
  report.checks.push_back(
      {"control", running, running ? "running" : absl::StrCat("silent for ", absl::FormatDuration(silent))});
  for (const auto& [name, state] : checks_) {
    report.ready = report.ready && state.ok;
    report.checks.push_back({name, state.ok, state.detail});
  }
  for (const auto& [name, detail] : notes_) report.notes.push_back(absl::StrCat(name, ": ", detail));
  return report;
}

}  // namespace breakwater::service
