#include "coordinator/app/keys.h"

#include <openssl/rand.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace breakwater::coordinator {
namespace {

constexpr size_t kMaxFile = 64 * 1024;
constexpr size_t kMinToken = 32;
constexpr size_t kMaxToken = 512;

// Beside it first, so that a crash leaves the old one or the new one.
absl::Status Write(service::Files& files, const std::string& path, const std::string& contents) {
  const std::string beside = path + ".new";
  if (absl::Status s = files.WriteAndSync(beside, contents); !s.ok()) return s;
  if (absl::Status s = files.Rename(beside, path); !s.ok()) return s;
  return files.SyncDirectory(std::filesystem::path(path).parent_path());
}

std::string Trimmed(const std::string& text) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  return end == std::string::npos ? "" : text.substr(0, end + 1);
}

}  // namespace

absl::Status CheckSecret(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return absl::OkStatus();
  if ((st.st_mode & (S_IRWXG | S_IRWXO)) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(path, " is a secret that others may read; chmod 600 ", path));
}

absl::StatusOr<fleet::SigningKey> LoadOrMakeSigningKey(service::Files& files, const std::string& path,
                                                       const std::string& public_path) {
  if (absl::Status s = CheckSecret(path); !s.ok()) return s;
  absl::StatusOr<std::string> pem = files.Read(path, kMaxFile);
  if (!pem.ok() && !absl::IsNotFound(pem.status())) return pem.status();
  absl::StatusOr<fleet::SigningKey> key = pem.ok() ? fleet::SigningKey::FromPem(*pem) : fleet::SigningKey::Generate();
  if (!key.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("can't use the signing key ", path, ": ", std::string(key.status().message())));
  }
  if (!pem.ok()) {
    if (absl::Status s = Write(files, path, key->ToPem()); !s.ok()) return s;
  }
  const std::string public_pem = key->public_key().ToPem();
  const absl::StatusOr<std::string> there = files.Read(public_path, kMaxFile);
  if (!there.ok() || *there != public_pem) {
    if (absl::Status s = Write(files, public_path, public_pem); !s.ok()) return s;
  }
  return key;
}

absl::StatusOr<std::string> LoadOrMakeToken(service::Files& files, const std::string& path) {
  if (absl::Status s = CheckSecret(path); !s.ok()) return s;
  const absl::StatusOr<std::string> there = files.Read(path, kMaxFile);
  if (there.ok()) {
    std::string token = Trimmed(*there);
    if (token.size() < kMinToken || token.size() > kMaxToken || token.find_first_of(" \t\r\n") != std::string::npos) {
      return absl::FailedPreconditionError(absl::StrCat(path, " holds no usable token: expected one word of ",
                                                        kMinToken, " to ", kMaxToken,
                                                        " bytes; remove it to have one made"));
    }
    return token;
  }
  if (!absl::IsNotFound(there.status())) return there.status();
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), random.size()) != 1) return absl::InternalError("no random bytes for the API token");
  std::string token;
  for (const unsigned char byte : random) {
    constexpr char kDigits[] = "0123456789abcdef";
    token += kDigits[byte >> 4];
    token += kDigits[byte & 15];
  }
  if (absl::Status s = Write(files, path, token + "\n"); !s.ok()) return s;
  return token;
}

}  // namespace breakwater::coordinator
