#include "coordinator/cli/tls_probe.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/net/ip.h"

namespace breakwater::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A server that refuses our certificate says so after the handshake (TLS 1.3); it answers within a round trip or two.
constexpr absl::Duration kAlertWait = absl::Seconds(1);

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Freer<SSL_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using X509StoreContext = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Addresses = std::unique_ptr<addrinfo, Freer<freeaddrinfo>>;

struct Socket {
  int fd = -1;
  Socket() = default;
  explicit Socket(int f) : fd(f) {}
  Socket(Socket&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

// False: the time is over.
bool WaitFor(int fd, short events, Clock::time_point until) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd poll_fd = {fd, events, 0};
    const int n = ::poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left, 60000)));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

absl::StatusOr<Socket> Connect(const Connection& connection, const HostPort& parts, Clock::time_point until) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found); error != 0) {
    return absl::UnavailableError(
        absl::StrCat("the coordinator's name ", parts.host, " leads to no address: ", gai_strerror(error)));
  }
  const Addresses addresses(found);
  std::string why = "no address";
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    Socket socket(::socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol));
    if (socket.fd < 0) {
      why = std::strerror(errno);
      continue;
    }
    if (::connect(socket.fd, a->ai_addr, a->ai_addrlen) == 0) return socket;
    if (errno != EINPROGRESS) {
      why = std::strerror(errno);
      continue;
    }
    if (!WaitFor(socket.fd, POLLOUT, until)) {
      why = "no answer to the attempt to connect";
      break;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) return socket;
    why = std::strerror(error);
  }
  return absl::UnavailableError(absl::StrCat("can't connect to the coordinator at ", connection.server, ": ", why));
}

absl::StatusOr<SslContext> MakeContext(const Connection& connection, const tls::Material& material) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return absl::InternalError(absl::StrCat("no TLS: ", OpenSslReason()));
  const auto memory = [](const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  };
  const Bio ca = memory(material.ca);
  int trusted = 0;
  for (X509Ptr x(PEM_read_bio_X509(ca.get(), nullptr, nullptr, nullptr)); x != nullptr;
       x.reset(PEM_read_bio_X509(ca.get(), nullptr, nullptr, nullptr))) {
    trusted += X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), x.get());
  }
  ERR_clear_error();
  if (trusted == 0)
    return absl::FailedPreconditionError(absl::StrCat(connection.ca, " holds no certificate that can be read"));
  const Bio own = memory(material.certificate);
  const X509Ptr certificate(PEM_read_bio_X509(own.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr || SSL_CTX_use_certificate(context.get(), certificate.get()) != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(connection.certificate, " holds no certificate that can be used: ", OpenSslReason()));
  }
  for (X509Ptr x(PEM_read_bio_X509(own.get(), nullptr, nullptr, nullptr)); x != nullptr;
       x.reset(PEM_read_bio_X509(own.get(), nullptr, nullptr, nullptr))) {
    SSL_CTX_add1_chain_cert(context.get(), x.get());
  }
  ERR_clear_error();
  const Bio secret = memory(material.key);
  const KeyPtr key(PEM_read_bio_PrivateKey(
      secret.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (key == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(connection.key, " holds no private key without a passphrase: ", OpenSslReason()));
  }
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 || SSL_CTX_check_private_key(context.get()) != 1) {
    return absl::FailedPreconditionError(absl::StrCat("the key ", connection.key, " isn't that of the certificate ",
                                                      connection.certificate, ": ", OpenSslReason()));
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

// What the peer's alert about our certificate means; empty: the alert is about something else.
std::string AboutOurCertificate(std::string_view reason) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kAlerts = {{
      {"alert unknown ca", "it doesn't trust who signed it"},
      {"alert certificate expired", "it has expired"},
      {"alert certificate revoked", "it was revoked"},
      {"alert certificate required", "it wants one and saw none"},
      {"alert certificate unknown", "it can't be used"},
      {"alert bad certificate", "it is damaged or of the wrong kind"},
      {"alert unsupported certificate", "it is of a kind it doesn't take"},
  }};
  for (const auto& [alert, meaning] : kAlerts) {
    if (reason.find(alert) != std::string_view::npos) return std::string(meaning);
  }
  return "";
}

absl::Status Refusal(const Connection& connection, const std::string& reason) {
  const std::string ours = AboutOurCertificate(reason);
  if (!ours.empty()) {
    return absl::UnauthenticatedError(absl::StrCat("the coordinator at ", connection.server,
                                                   " refused your certificate ", connection.certificate, ": ", ours,
                                                   " (", reason, ")"));
  }
  return absl::UnavailableError(
      absl::StrCat("what answers at ", connection.server, " doesn't speak TLS as a coordinator does: ", reason));
}

// What is wrong with our own certificate as far as our own trusted certificates can tell: the coordinator may not say.
std::string SeenFromHere(SSL_CTX* context) {
  constexpr std::string_view kFine = "seen from here it is fine, so the coordinator trusts others than you do";
  const X509StoreContext check(X509_STORE_CTX_new());
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context, &chain);
  if (check == nullptr || X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context),
                                              SSL_CTX_get0_certificate(context), chain) != 1) {
    return std::string(kFine);
  }
  X509_STORE_CTX_set_default(check.get(), "ssl_client");
  if (X509_verify_cert(check.get()) == 1) return std::string(kFine);
  return absl::StrCat("seen from here, ", X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get())));
}

// Goes on with an SSL call until it is through: 1, or SSL_get_error's answer when it failed, or 0 for no time left.
template <typename F>
int Drive(SSL* ssl, int fd, Clock::time_point until, F&& call) {
  while (true) {
    ERR_clear_error();
    const int result = call();
    if (result > 0) return 1;
    const int error = SSL_get_error(ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return -error;
    if (!WaitFor(fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until)) return 0;
  }
}

}  // namespace

absl::Status ProbeTls(const Connection& connection, const tls::Material& material, absl::Duration timeout) {
  const Clock::time_point until = Clock::now() + absl::ToChronoNanoseconds(timeout);
  const absl::StatusOr<HostPort> parts = ParseHostPort(connection.server);
  if (!parts.ok()) return parts.status();
  const absl::StatusOr<SslContext> context = MakeContext(connection, material);
  if (!context.ok()) return context.status();
  const absl::StatusOr<Socket> socket = Connect(connection, *parts, until);
  if (!socket.ok()) return socket.status();

  const Ssl ssl(SSL_new(context->get()));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), socket->fd) != 1) {
    return absl::InternalError(absl::StrCat("no TLS: ", OpenSslReason()));
  }
  const std::string name = connection.server_name.empty() ? parts->host : connection.server_name;
  if (net::IpAddress::Parse(name).ok()) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.c_str());
  } else {
    SSL_set1_host(ssl.get(), name.c_str());
    SSL_set_tlsext_host_name(ssl.get(), name.c_str());
  }
  constexpr unsigned char kH2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl.get(), kH2, sizeof kH2);

  const int shaken = Drive(ssl.get(), socket->fd, until, [&] { return SSL_connect(ssl.get()); });
  if (shaken == 0) {
    return absl::UnavailableError(
        absl::StrCat("what answers at ", connection.server, " took the connection, but says nothing in TLS"));
  }
  if (shaken < 0) {
    if (const long verify = SSL_get_verify_result(ssl.get()); verify != X509_V_OK) {
      return absl::UnauthenticatedError(absl::StrCat("the certificate of the coordinator at ", connection.server,
                                                     " isn't trusted: ", X509_verify_cert_error_string(verify),
                                                     "; expected the name ", name,
                                                     " (--server-name) and a signature by ", connection.ca, " (--ca)"));
    }
    return Refusal(connection, shaken == -SSL_ERROR_SSL ? OpenSslReason() : "the connection was closed");
  }
  char first = 0;
  const Clock::time_point alert_until = std::min(until, Clock::now() + absl::ToChronoNanoseconds(kAlertWait));
  const int read = Drive(ssl.get(), socket->fd, alert_until, [&] { return SSL_read(ssl.get(), &first, 1); });
  if (read >= 0) return absl::OkStatus();  // it talks, or waits for us to
  const std::string reason = read == -SSL_ERROR_SSL ? OpenSslReason() : "the connection was closed";
  if (!AboutOurCertificate(reason).empty()) return Refusal(connection, reason);
  // Not every server sends an alert. One that ends the connection as soon as it has our certificate doesn't like that.
  return absl::UnauthenticatedError(absl::StrCat("the coordinator at ", connection.server, " refused your certificate ",
                                                 connection.certificate, ": it hung up when it saw it; ",
                                                 SeenFromHere(context->get())));
}

}  // namespace breakwater::cli
