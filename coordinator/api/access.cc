#include "coordinator/api/access.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "common/net/ip.h"

namespace breakwater::api {
namespace {

constexpr std::string_view kBearer = "Bearer ";

std::array<unsigned char, SHA256_DIGEST_LENGTH> Digest(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

// "http://HOST" or "https://HOST" of the page against the Host that it was asked from.
bool SameOrigin(std::string_view origin, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) return !host.empty() && origin.substr(scheme.size()) == host;
  }
  return false;
}

}  // namespace

absl::Status HostIsOurs(const http::Request& request, const std::vector<std::string>& names) {
  std::string_view host = request.Header("host");
  if (host.empty()) return absl::OkStatus();  // no browser
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) host = host.substr(0, colon);
  std::string_view bare = host;
  if (bare.size() > 2 && bare.front() == '[' && bare.back() == ']') bare = bare.substr(1, bare.size() - 2);
  if (net::IpAddress::Parse(bare).ok() || host == "localhost") return absl::OkStatus();
  if (std::find(names.begin(), names.end(), host) != names.end()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("the host \"", std::string(host.substr(0, 253)),
                                                  "\" is neither an address nor localhost nor one of http.names"));
}

bool SameSecret(std::string_view a, std::string_view b) {
  const auto x = Digest(a);
  const auto y = Digest(b);
  return CRYPTO_memcmp(x.data(), y.data(), x.size()) == 0;
}

absl::Status MayChange(const http::Request& request, std::string_view token) {
  // Browsers say where a request comes from, and pages can't forge it; tools say nothing.
  const std::string_view site = request.Header("sec-fetch-site");
  const std::string_view origin = request.Header("origin");
  if ((!site.empty() && site != "same-origin" && site != "none") ||
      (!origin.empty() && !SameOrigin(origin, request.Header("host")))) {
    return absl::PermissionDeniedError("a page of another site sent this request");
  }
  const std::string_view authorization = request.Header("authorization");
  if (!authorization.starts_with(kBearer) || token.empty() ||
      !SameSecret(authorization.substr(kBearer.size()), token)) {
    return absl::UnauthenticatedError("changes need the header \"Authorization: Bearer TOKEN\"");
  }
  const std::string_view type = std::string_view(request.content_type).substr(0, request.content_type.find(';'));
  if (!request.body.empty() && type != "application/json") {
    return absl::InvalidArgumentError("the body of a change is application/json");
  }
  return absl::OkStatus();
}

}  // namespace breakwater::api
