#include "common/tls/credentials.h"

#include <fcntl.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace breakwater::tls {
namespace {

constexpr size_t kMaxPem = size_t{1} << 20;

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

absl::Status FileError(const std::string& path, std::string_view what) {
  return absl::FailedPreconditionError("can't use " + path + ": " + std::string(what));
}

absl::StatusOr<std::string> ReadPem(const std::string& path, bool secret) {
  if (path.empty())
    return absl::InvalidArgumentError("a certificate, its key and the CA are needed; a path is missing");
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return FileError(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return FileError(path, "it isn't a regular file");
  if (secret && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return FileError(path, "it is a private key that others may read; chmod 600 it");
  }
  std::string text;
  std::vector<char> buffer(size_t{64} << 10);
  while (true) {
    const ssize_t n = ::read(file.fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(path, std::strerror(errno));
    if (n == 0) break;
    text.append(buffer.data(), static_cast<size_t>(n));
    if (text.size() > kMaxPem) return FileError(path, "it is over 1 MiB");
  }
  if (text.find("-----BEGIN ") == std::string::npos) return FileError(path, "it isn't PEM (no -----BEGIN line)");
  return text;
}

// The one URI of the peer's certificate that parses; gRPC lists them under this name.
template <typename T>
absl::StatusOr<T> OneIdentity(const grpc::AuthContext& context, std::string_view kind,
                              absl::StatusOr<T> (*parse)(std::string_view)) {
  if (!context.IsPeerAuthenticated()) return absl::UnauthenticatedError("the peer showed no certificate");
  std::optional<T> found;
  std::string seen;
  for (const grpc::string_ref& uri : context.FindPropertyValues("peer_uri")) {
    const std::string text(uri.data(), uri.size());
    absl::StatusOr<T> identity = parse(text);
    seen += (seen.empty() ? "" : ", ") + text.substr(0, 200);
    if (!identity.ok()) continue;
    if (found.has_value()) {
      return absl::UnauthenticatedError("the peer's certificate names more than one " + std::string(kind) + ": " +
                                        seen);
    }
    found = *std::move(identity);
  }
  if (!found.has_value()) {
    return absl::UnauthenticatedError("the peer's certificate names no " + std::string(kind) +
                                      " in its subjectAltName URIs" + (seen.empty() ? " (it has none)" : ": " + seen));
  }
  return *std::move(found);
}

}  // namespace

absl::StatusOr<Material> LoadMaterial(const Files& files) {
  absl::StatusOr<std::string> ca = ReadPem(files.ca, false);
  if (!ca.ok()) return ca.status();
  absl::StatusOr<std::string> certificate = ReadPem(files.certificate, false);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<std::string> key = ReadPem(files.key, true);
  if (!key.ok()) return key.status();
  return Material{*std::move(ca), *std::move(certificate), *std::move(key)};
}

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentials(const Material& material) {
  return grpc::SslCredentials({material.ca, material.key, material.certificate});
}

std::shared_ptr<grpc::ServerCredentials> ServerCredentials(const Material& material, bool require_client) {
  grpc::SslServerCredentialsOptions options(require_client ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                                           : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = material.ca;
  options.pem_key_cert_pairs.push_back({material.key, material.certificate});
  return grpc::SslServerCredentials(options);
}

absl::StatusOr<EdgeIdentity> EdgeOf(const grpc::AuthContext& context) {
  return OneIdentity<EdgeIdentity>(context, "edge (breakwater://edge/REGION/ID)", ParseEdgeUri);
}

absl::StatusOr<std::string> AdminOf(const grpc::AuthContext& context) {
  return OneIdentity<std::string>(context, "admin (breakwater://admin/NAME)", ParseAdminUri);
}

}  // namespace breakwater::tls
