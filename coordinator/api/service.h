// The one service layer under gRPC and JSON: what is wrong with a request is said here, in the same words for both.
//
//   Service service(backend);
//   service.Call(request, "alice", [](Answer answer) { ... });
//
// Thread-safe.
#ifndef BREAKWATER_COORDINATOR_API_SERVICE_H_
#define BREAKWATER_COORDINATOR_API_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "coordinator/api/backend.h"

namespace breakwater::api {

// The bounds of admin.proto, and what form alone can show. InvalidArgument errors name the field, the value, the limit.
absl::Status Check(const Request& request);

class Service {
 public:
  explicit Service(Backend& backend) : backend_(backend) {}

  void Call(Request request, std::string actor, Done done);

  struct Stats {
    uint64_t calls = 0;
    uint64_t refused = 0;  // by Check or by who answers
  };
  Stats stats() const { return {calls_, refused_}; }

 private:
  Backend& backend_;
  std::atomic<uint64_t> calls_{0}, refused_{0};
};

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_SERVICE_H_
