#include "common/fleet/signing.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <algorithm>

namespace breakwater::fleet {
namespace {

constexpr size_t kKeyBytes = 32;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using BioPtr = std::unique_ptr<BIO, FreeBio>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

// A context can't hold a zero byte, so no two pairs of context and bytes are signed alike.
std::string Signed(std::string_view context, std::string_view bytes) {
  std::string text;
  text.reserve(context.size() + 1 + bytes.size());
  text.append(context).push_back('\0');
  text.append(bytes);
  return text;
}

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

BioPtr Reader(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(std::min<size_t>(text.size(), 1 << 16))));
}

std::string Written(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

// An encrypted key would otherwise make OpenSSL ask for its password on the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

absl::Status NotAKey(std::string_view expected) {
  ERR_clear_error();
  return absl::InvalidArgumentError("expected an Ed25519 key as PEM (" + std::string(expected) +
                                    "); `openssl genpkey -algorithm ed25519` makes one");
}

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes.substr(0, kKeyIdBytes)) {
    text.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    text.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return text;
}

}  // namespace

struct SigningKey::Secret {
  KeyPtr key;
};

absl::StatusOr<PublicKey> PublicKey::FromBytes(std::string_view bytes) {
  if (bytes.size() != kKeyBytes) {
    return absl::InvalidArgumentError("an Ed25519 public key has " + std::to_string(kKeyBytes) + " bytes, this has " +
                                      std::to_string(bytes.size()));
  }
  PublicKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  std::array<uint8_t, SHA256_DIGEST_LENGTH> hash;
  SHA256(Bytes(bytes), bytes.size(), hash.data());
  key.id_.assign(reinterpret_cast<const char*>(hash.data()), kKeyIdBytes);
  return key;
}

absl::StatusOr<PublicKey> PublicKey::FromPem(std::string_view pem) {
  const KeyPtr key(PEM_read_bio_PUBKEY(Reader(pem).get(), nullptr, NoPassword, nullptr));
  std::array<unsigned char, kKeyBytes> bytes;
  size_t size = bytes.size();
  if (key == nullptr || EVP_PKEY_base_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1 || size != kKeyBytes) {
    return NotAKey("-----BEGIN PUBLIC KEY-----");
  }
  return FromBytes({reinterpret_cast<const char*>(bytes.data()), size});
}

std::string PublicKey::ToPem() const {
  const KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_.data(), bytes_.size()));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  return Written(bio.get());
}

bool PublicKey::Verify(std::string_view context, std::string_view bytes, std::string_view signature) const {
  if (signature.size() != kSignatureBytes) return false;
  const KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_.data(), bytes_.size()));
  const DigestPtr digest(EVP_MD_CTX_new());
  const std::string text = Signed(context, bytes);
  const bool valid = key != nullptr && EVP_DigestVerifyInit(digest.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                     EVP_DigestVerify(digest.get(), Bytes(signature), signature.size(), Bytes(text), text.size()) == 1;
  ERR_clear_error();
  return valid;
}

absl::StatusOr<SigningKey> SigningKey::FromSeed(std::string_view seed) {
  if (seed.size() != kKeyBytes) {
    return absl::InvalidArgumentError("an Ed25519 seed has " + std::to_string(kKeyBytes) + " bytes, this has " +
                                      std::to_string(seed.size()));
  }
  KeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), seed.size()));
  std::array<unsigned char, kKeyBytes> bytes;
  size_t size = bytes.size();
  if (key == nullptr || EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL can't make an Ed25519 key");
  }
  absl::StatusOr<PublicKey> public_key = PublicKey::FromBytes({reinterpret_cast<const char*>(bytes.data()), size});
  if (!public_key.ok()) return public_key.status();
  SigningKey signing;
  signing.secret_ = std::make_shared<const Secret>(Secret{std::move(key)});
  signing.public_key_ = *std::move(public_key);
  return signing;
}

absl::StatusOr<SigningKey> SigningKey::FromPem(std::string_view pem) {
  const KeyPtr key(PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, NoPassword, nullptr));
  std::array<unsigned char, kKeyBytes> seed;
  size_t size = seed.size();
  if (key == nullptr || EVP_PKEY_base_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_private_key(key.get(), seed.data(), &size) != 1 || size != kKeyBytes) {
    return NotAKey("-----BEGIN PRIVATE KEY-----, without a password");
  }
  absl::StatusOr<SigningKey> signing = FromSeed({reinterpret_cast<const char*>(seed.data()), size});
  OPENSSL_cleanse(seed.data(), seed.size());
  return signing;
}

absl::StatusOr<SigningKey> SigningKey::Generate() {
  const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  std::array<unsigned char, kKeyBytes> seed;
  size_t size = seed.size();
  if (key == nullptr || EVP_PKEY_get_raw_private_key(key.get(), seed.data(), &size) != 1) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL can't make an Ed25519 key");
  }
  absl::StatusOr<SigningKey> signing = FromSeed({reinterpret_cast<const char*>(seed.data()), size});
  OPENSSL_cleanse(seed.data(), seed.size());
  return signing;
}

std::string SigningKey::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), secret_->key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return Written(bio.get());
}

std::string SigningKey::Sign(std::string_view context, std::string_view bytes) const {
  const DigestPtr digest(EVP_MD_CTX_new());
  const std::string text = Signed(context, bytes);
  std::string signature(kSignatureBytes, '\0');
  size_t size = signature.size();
  // With a key that was made above, this can only fail without memory.
  if (EVP_DigestSignInit(digest.get(), nullptr, nullptr, nullptr, secret_->key.get()) != 1 ||
      EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, Bytes(text),
                     text.size()) != 1 ||
      size != kSignatureBytes) {
    std::abort();
  }
  return signature;
}

absl::Status TrustedKeys::Add(PublicKey key) {
  if (std::any_of(keys_.begin(), keys_.end(), [&](const PublicKey& k) { return k.bytes() == key.bytes(); })) {
    return absl::OkStatus();
  }
  if (keys_.size() >= kMaxKeys) {
    return absl::ResourceExhaustedError("over " + std::to_string(kMaxKeys) + " keys that may sign rules");
  }
  keys_.push_back(std::move(key));
  return absl::OkStatus();
}

absl::Status TrustedKeys::Verify(std::string_view context, std::string_view bytes, std::string_view signature,
                                 std::string_view key_id) const {
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const PublicKey& k) { return k.id() == key_id; });
  if (key == keys_.end()) {
    return absl::UnauthenticatedError("it is signed with the key " + (key_id.empty() ? "\"\"" : Hex(key_id)) +
                                      ", which isn't among the " + std::to_string(keys_.size()) +
                                      " trusted ones; add its public half to the trusted keys if it should be");
  }
  if (!key->Verify(context, bytes, signature)) {
    return absl::UnauthenticatedError("its signature isn't one of the key " + Hex(key_id) + " as \"" +
                                      std::string(context) + "\"");
  }
  return absl::OkStatus();
}

}  // namespace breakwater::fleet
