// Ed25519 signatures over rules, manifests and orders to stop enforcing: made by the coordinator, checked by every edge.
//
//   absl::StatusOr<SigningKey> key = SigningKey::FromPem(pem);          // or SigningKey::Generate()
//   std::string signature = key->Sign(kRuleContext, rule_bytes);
//   TrustedKeys trusted;  trusted.Add(*PublicKey::FromPem(public_pem));
//   absl::Status s = trusted.Verify(kRuleContext, rule_bytes, signature, key->public_key().id());
//
// The context keeps a signature of one kind from being taken for another: signed is context, a zero byte, then the bytes.
// Keys are values; everything is thread-safe once made. Pure Ed25519 of RFC 8032, by OpenSSL.
#ifndef BREAKWATER_COMMON_FLEET_SIGNING_H_
#define BREAKWATER_COMMON_FLEET_SIGNING_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace breakwater::fleet {

inline constexpr std::string_view kRuleContext = "breakwater rule v1";
inline constexpr std::string_view kManifestContext = "breakwater manifest v1";
inline constexpr std::string_view kStopContext = "breakwater stop v1";
inline constexpr size_t kSignatureBytes = 64;
inline constexpr size_t kKeyIdBytes = 8;  // the first ones of the public key's SHA-256

class PublicKey {
 public:
  // "-----BEGIN PUBLIC KEY-----", of an Ed25519 key.
  static absl::StatusOr<PublicKey> FromPem(std::string_view pem);
  static absl::StatusOr<PublicKey> FromBytes(std::string_view bytes);  // 32 of them

  std::string ToPem() const;
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  const std::string& id() const { return id_; }  // kKeyIdBytes
  bool Verify(std::string_view context, std::string_view bytes, std::string_view signature) const;

 private:
  std::array<uint8_t, 32> bytes_{};
  std::string id_;
};

class SigningKey {
 public:
  // "-----BEGIN PRIVATE KEY-----", of an Ed25519 key. Messages never carry any part of it.
  static absl::StatusOr<SigningKey> FromPem(std::string_view pem);
  static absl::StatusOr<SigningKey> Generate();
  static absl::StatusOr<SigningKey> FromSeed(std::string_view seed);  // 32 bytes; for tests

  std::string ToPem() const;
  const PublicKey& public_key() const { return public_key_; }
  std::string Sign(std::string_view context, std::string_view bytes) const;  // kSignatureBytes

 private:
  struct Secret;
  std::shared_ptr<const Secret> secret_;
  PublicKey public_key_;
};

class TrustedKeys {
 public:
  static constexpr size_t kMaxKeys = 8;
  // An error over kMaxKeys; a key that is there already changes nothing.
  absl::Status Add(PublicKey key);
  bool empty() const { return keys_.empty(); }
  // Unauthenticated errors: no such key (names its id), a wrong signature.
  absl::Status Verify(std::string_view context, std::string_view bytes, std::string_view signature,
                      std::string_view key_id) const;

 private:
  std::vector<PublicKey> keys_;
};

}  // namespace breakwater::fleet

#endif  // BREAKWATER_COMMON_FLEET_SIGNING_H_
