// The coordinator's secrets on disk: made at the first start, read and checked after that.
//
//   absl::StatusOr<fleet::SigningKey> key = LoadOrMakeSigningKey(files, "/var/lib/…/signing.key", "/var/lib/…/signing.key.pub");
//   absl::StatusOr<std::string> token = LoadOrMakeToken(files, "/var/lib/…/api-token");
//
// Errors name the file and never its contents.
#ifndef BREAKWATER_COORDINATOR_APP_KEYS_H_
#define BREAKWATER_COORDINATOR_APP_KEYS_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/fleet/signing.h"
#include "common/service/files.h"

namespace breakwater::coordinator {

// PEM with mode 0600. public_path gets the public key as PEM, for the edges, whenever it isn't there as it should be.
absl::StatusOr<fleet::SigningKey> LoadOrMakeSigningKey(service::Files& files, const std::string& path,
                                                       const std::string& public_path);

// 64 hexadecimal digits in a file of mode 0600, or whatever one of at least 32 bytes a person put there.
absl::StatusOr<std::string> LoadOrMakeToken(service::Files& files, const std::string& path);

// An error when others than its owner may read the file; a file that isn't there is fine.
absl::Status CheckSecret(const std::string& path);

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_APP_KEYS_H_
