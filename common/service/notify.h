// Tells systemd how the service is, by the protocol of sd_notify(3), without its library.
//
//   const Notifier notifier = Notifier::FromEnvironment();
//   notifier.Send("READY=1");
//
// Without NOTIFY_SOCKET nothing is sent. Never blocks.
#ifndef BREAKWATER_COMMON_SERVICE_NOTIFY_H_
#define BREAKWATER_COMMON_SERVICE_NOTIFY_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace breakwater::service {

class Notifier {
 public:
  static Notifier FromEnvironment();
  // socket: a path, or "@" and an abstract name; empty = nobody listens.
  Notifier(std::string socket, std::optional<absl::Duration> watchdog)
      : socket_(std::move(socket)), watchdog_(watchdog) {}

  // Lines of KEY=VALUE.
  void Send(std::string_view state) const;
  // How often WATCHDOG=1 has to come at least; absent when nobody watches.
  std::optional<absl::Duration> watchdog() const { return watchdog_; }

 private:
  std::string socket_;
  std::optional<absl::Duration> watchdog_;
};

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_NOTIFY_H_
