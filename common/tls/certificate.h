// Who a certificate of one's own is for, read from its PEM before any connection is made.
//
//   absl::StatusOr<EdgeIdentity> self = EdgeOfCertificate(material.certificate);
//
// Pure and thread-safe. The certificate is only read: whether anybody trusts it shows when it is used.
#ifndef BREAKWATER_COMMON_TLS_CERTIFICATE_H_
#define BREAKWATER_COMMON_TLS_CERTIFICATE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "common/tls/identity.h"

namespace breakwater::tls {

// Of the first certificate in the PEM. Errors: no certificate, none or several URIs of an edge in its subjectAltName.
absl::StatusOr<EdgeIdentity> EdgeOfCertificate(std::string_view pem);

}  // namespace breakwater::tls

#endif  // BREAKWATER_COMMON_TLS_CERTIFICATE_H_
