#include "edge/anycast/machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace breakwater::anycast {

Machine::Machine(const Settings& settings) : settings_(settings) {
  checks_.push_back({.name = "datapath"});
  for (const CheckSettings& check : settings.checks) {
    checks_.push_back({.name = check.name, .on_failure = check.on_failure});
  }
}

void Machine::Observe(size_t check, bool ok, std::string_view detail) {
  Check& c = checks_[check];
  c.detail = std::string(detail);
  c.run = ok == c.good ? 0 : c.run + 1;
  const int needed = ok ? settings_.rise : settings_.fall;
  if (c.run >= needed) {
    c.good = ok;
    c.run = 0;
  }
}

void Machine::SetDrain(bool on, std::string_view reason, absl::Duration now) {
  if (!on) {
    drain_since_.reset();
  } else if (!drain_since_) {
    drain_since_ = now;
  }
  drain_reason_ = on ? std::string(reason) : "";
}

void Machine::Stop(absl::Duration now) {
  if (!stop_since_) stop_since_ = now;
}

void Machine::NoteFlap(Presence health, absl::Duration now) {
  while (!failures_.empty() && now - failures_.front() >= settings_.flap_window) failures_.pop_front();
  if (last_health_ == Presence::kAnnounced && health < Presence::kAnnounced) {
    failures_.push_back(now);
    if (failures_.size() > static_cast<size_t>(settings_.flap_limit)) failures_.pop_front();
  }
  last_health_ = health;
}

Machine::Decision Machine::Decide(absl::Duration now) {
  Decision d;
  Presence health = Presence::kAnnounced;
  std::string failing;
  for (const Check& check : checks_) {
    if (check.good) continue;
    health = std::min(health, check.on_failure);
    absl::StrAppend(&failing, failing.empty() ? "" : "; ", check.name, ": ", check.detail);
  }
  NoteFlap(health, now);
  d.want = health;
  d.reason = failing;

  const auto limit = [&d](Presence most, std::string why) {
    if (d.want <= most) return;
    d.want = most;
    d.reason = std::move(why);
  };
  const auto look_again = [&d, now](absl::Duration in) {
    if (in > absl::ZeroDuration()) d.look_again = std::min(d.look_again.value_or(now + in), now + in);
  };
  if (failures_.size() >= static_cast<size_t>(settings_.flap_limit)) {
    const absl::Duration left = failures_.front() + settings_.flap_window - now;
    look_again(left);
    // Least preferred rather than gone: should every edge flap for one cause, they go on serving.
    limit(settings_.deprefer.empty() ? Presence::kWithdrawn : Presence::kDeprefered,
          absl::StrCat("failed ", failures_.size(), " times in ", absl::FormatDuration(settings_.flap_window),
                       "; trusted again in ", absl::FormatDuration(absl::Ceil(left, absl::Seconds(1)))));
  }
  const auto leave = [&](absl::Duration since, absl::Duration wait, const std::string& why) {
    d.draining = true;
    const absl::Duration left = since + wait - now;
    look_again(left);
    limit(left > absl::ZeroDuration() ? Presence::kDeprefered : Presence::kWithdrawn, why);
  };
  if (drain_since_) {
    leave(*drain_since_, settings_.drain_wait,
          drain_reason_.empty() ? "drained" : absl::StrCat("drained: ", drain_reason_));
  }
  if (stop_since_) leave(*stop_since_, settings_.stop_wait, "the edge stops");
  return d;
}

}  // namespace breakwater::anycast
