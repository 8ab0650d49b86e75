#include "common/tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <string>

namespace breakwater::tls {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace

absl::StatusOr<EdgeIdentity> EdgeOfCertificate(std::string_view pem) {
  const std::unique_ptr<BIO, Deleter<BIO_free>> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Deleter<X509_free>> certificate(
      bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!certificate) return absl::InvalidArgumentError("the file holds no certificate in PEM that can be read");
  const std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  std::optional<EdgeIdentity> found;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    absl::StatusOr<EdgeIdentity> identity = ParseEdgeUri(
        {reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)), static_cast<size_t>(ASN1_STRING_length(uri))});
    if (!identity.ok()) continue;
    if (found) return absl::InvalidArgumentError("the certificate names more than one edge");
    found = *std::move(identity);
  }
  if (!found) {
    return absl::InvalidArgumentError(
        "the certificate names no edge: its subjectAltName needs a URI breakwater://edge/REGION/ID");
  }
  return *std::move(found);
}

}  // namespace breakwater::tls
