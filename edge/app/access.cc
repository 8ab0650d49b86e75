#include "edge/app/access.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/tls/certificate.h"

namespace breakwater::app {
namespace {

absl::Status In(const std::string& path, const absl::Status& s) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", std::string(s.message())));
}

}  // namespace

absl::StatusOr<Access> LoadAccess(const settings::Coordinator& coordinator, const std::string& edge_id) {
  Access access;
  absl::StatusOr<tls::Material> material =
      tls::LoadMaterial({.ca = coordinator.ca, .certificate = coordinator.certificate, .key = coordinator.key});
  if (!material.ok()) return material.status();
  access.material = *std::move(material);
  absl::StatusOr<tls::EdgeIdentity> identity = tls::EdgeOfCertificate(access.material.certificate);
  if (!identity.ok()) return In(coordinator.certificate, identity.status());
  if (identity->id != edge_id) {
    return absl::FailedPreconditionError(absl::StrCat(coordinator.certificate, ": the certificate is for the edge \"",
                                                      identity->id, "\", but edge.id is \"", edge_id,
                                                      "\"; change one of them"));
  }
  access.identity = *std::move(identity);
  for (const std::string& path : coordinator.rule_keys) {
    const absl::StatusOr<std::string> pem = config::ReadFile(path);
    if (!pem.ok()) return pem.status();
    absl::StatusOr<fleet::PublicKey> key = fleet::PublicKey::FromPem(*pem);
    if (!key.ok()) return In(path, key.status());
    if (absl::Status s = access.keys.Add(*std::move(key)); !s.ok()) return In(path, s);
  }
  return access;
}

}  // namespace breakwater::app
