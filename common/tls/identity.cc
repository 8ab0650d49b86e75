#include "common/tls/identity.h"

namespace breakwater::tls {
namespace {

constexpr std::string_view kEdge = "breakwater://edge/";
constexpr std::string_view kAdmin = "breakwater://admin/";
constexpr size_t kMaxName = 64;
constexpr size_t kShown = 200;

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

absl::Status Refuse(std::string_view uri, std::string_view expected) {
  return absl::InvalidArgumentError("expected " + std::string(expected) +
                                    ", each name 1 to 64 of a-z 0-9 . _ -, got \"" +
                                    std::string(uri.substr(0, kShown)) + "\"");
}

}  // namespace

std::string EdgeUri(const EdgeIdentity& identity) { return std::string(kEdge) + identity.region + "/" + identity.id; }

absl::StatusOr<EdgeIdentity> ParseEdgeUri(std::string_view uri) {
  const absl::Status refusal = Refuse(uri, "breakwater://edge/REGION/ID");
  if (!uri.starts_with(kEdge)) return refusal;
  const std::string_view rest = uri.substr(kEdge.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return refusal;
  const std::string_view region = rest.substr(0, slash);
  const std::string_view id = rest.substr(slash + 1);
  if (!IsName(region) || !IsName(id)) return refusal;
  return EdgeIdentity{.id = std::string(id), .region = std::string(region)};
}

std::string AdminUri(std::string_view name) { return std::string(kAdmin) + std::string(name); }

absl::StatusOr<std::string> ParseAdminUri(std::string_view uri) {
  if (!uri.starts_with(kAdmin) || !IsName(uri.substr(kAdmin.size()))) return Refuse(uri, "breakwater://admin/NAME");
  return std::string(uri.substr(kAdmin.size()));
}

}  // namespace breakwater::tls
