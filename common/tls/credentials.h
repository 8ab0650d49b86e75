// gRPC credentials from PEM files, and who is at the other end of a call.
//
//   absl::StatusOr<Material> material = LoadMaterial({.ca = "ca.pem", .certificate = "edge.pem", .key = "edge.key"});
//   auto channel = grpc::CreateCustomChannel(address, ChannelCredentials(*material), arguments);
//   absl::StatusOr<EdgeIdentity> who = EdgeOf(*context->auth_context());
//
// Both sides always show a certificate (mutual TLS). Errors name the file and never its contents. Thread-safe.
#ifndef BREAKWATER_COMMON_TLS_CREDENTIALS_H_
#define BREAKWATER_COMMON_TLS_CREDENTIALS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/tls/identity.h"

namespace grpc {
class AuthContext;
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace breakwater::tls {

struct Files {
  std::string ca;           // PEM, the certificates that may sign peers'
  std::string certificate;  // PEM, its own first
  std::string key;          // PEM; an error when others than its owner may read it
};

struct Material {
  std::string ca;
  std::string certificate;
  std::string key;
};

absl::StatusOr<Material> LoadMaterial(const Files& files);

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentials(const Material& material);
// require_client: false lets clients without a certificate connect, for enrolment; every call then checks for itself.
std::shared_ptr<grpc::ServerCredentials> ServerCredentials(const Material& material, bool require_client = true);

// From the certificate of the call's peer. Unauthenticated: no certificate, or none with that kind of URI.
absl::StatusOr<EdgeIdentity> EdgeOf(const grpc::AuthContext& context);
absl::StatusOr<std::string> AdminOf(const grpc::AuthContext& context);

}  // namespace breakwater::tls

#endif  // BREAKWATER_COMMON_TLS_CREDENTIALS_H_
