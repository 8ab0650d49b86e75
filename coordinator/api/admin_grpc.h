// AdminService over gRPC: for bwctl and other tools, known by their client certificates.
//
//   absl::StatusOr<std::unique_ptr<AdminServer>> server = AdminServer::Start("127.0.0.1:7443", material, service);
//
// Thread-safe.
#ifndef BREAKWATER_COORDINATOR_API_ADMIN_GRPC_H_
#define BREAKWATER_COORDINATOR_API_ADMIN_GRPC_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/tls/credentials.h"
#include "coordinator/api/service.h"

namespace breakwater::api {

class AdminServer {
 public:
  // Errors: the address is taken or wrong, the certificates are no use. service outlives the server.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& listen, const tls::Material& tls,
                                                            Service& service);
  // Waits for calls that are being answered.
  ~AdminServer();

  uint16_t port() const;
  uint64_t unauthenticated() const;  // calls that were refused for their certificate

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_ADMIN_GRPC_H_
