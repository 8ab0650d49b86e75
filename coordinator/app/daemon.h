// A whole coordinator: its store, keys, servers and the strand, opened together and closed in order.
//
//   absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Open(config, clock, SystemFiles());
//   absl::Status s = (*daemon)->Run();        // until SIGTERM or SIGINT; service::BlockSignals() came before
//
// Open and Run belong to one thread, which becomes the strand.
#ifndef BREAKWATER_COORDINATOR_APP_DAEMON_H_
#define BREAKWATER_COORDINATOR_APP_DAEMON_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/service/files.h"
#include "coordinator/app/coordinator_config.h"

namespace breakwater::coordinator {

class Daemon {
 public:
  static absl::StatusOr<std::unique_ptr<Daemon>> Open(const CoordinatorConfig& config, clock::Clock& clock,
                                                      service::Files& files);
  ~Daemon();

  absl::Status Run();
  // Ends Run, from any thread; for tests.
  void Stop();

  uint16_t edges_port() const;
  uint16_t api_port() const;   // 0 when there is none
  uint16_t http_port() const;  // 0 when there is none

 private:
  class Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_APP_DAEMON_H_
