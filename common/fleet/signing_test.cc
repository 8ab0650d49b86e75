#include "common/fleet/signing.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::fleet {
namespace {

using ::testing::HasSubstr;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

SigningKey Key(char seed) { return *SigningKey::FromSeed(std::string(32, seed)); }

TEST(SigningTest, DerivesThePublicKeyOfRfc8032) {
  // RFC 8032, 7.1, test 1.
  const SigningKey key =
      *SigningKey::FromSeed(FromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  EXPECT_EQ(key.public_key().bytes(), FromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
}

TEST(SigningTest, VerifiesWhatItSignedAndNothingElse) {
  const SigningKey key = Key('a');
  const std::string signature = key.Sign(kRuleContext, "drop it");
  EXPECT_EQ(signature.size(), kSignatureBytes);
  EXPECT_TRUE(key.public_key().Verify(kRuleContext, "drop it", signature));
  EXPECT_FALSE(key.public_key().Verify(kManifestContext, "drop it", signature));
  EXPECT_FALSE(key.public_key().Verify(kRuleContext, "drop is", signature));
  EXPECT_FALSE(key.public_key().Verify(kRuleContext, "drop it", signature.substr(1)));
  EXPECT_FALSE(key.public_key().Verify(kRuleContext, "drop it", ""));
  EXPECT_FALSE(Key('b').public_key().Verify(kRuleContext, "drop it", signature));
  for (size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(key.public_key().Verify(kRuleContext, "drop it", changed)) << i;
  }
}

TEST(SigningTest, ContextAndBytesDontRunIntoEachOther) {
  const SigningKey key = Key('a');
  EXPECT_FALSE(key.public_key().Verify("a", "bc", key.Sign("ab", "c")));
}

TEST(SigningTest, KeysSurvivePem) {
  const SigningKey key = *SigningKey::Generate();
  const absl::StatusOr<SigningKey> back = SigningKey::FromPem(key.ToPem());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->public_key().bytes(), key.public_key().bytes());
  const absl::StatusOr<PublicKey> public_key = PublicKey::FromPem(key.public_key().ToPem());
  ASSERT_TRUE(public_key.ok()) << public_key.status();
  EXPECT_EQ(public_key->id(), key.public_key().id());
  EXPECT_TRUE(public_key->Verify(kStopContext, "x", back->Sign(kStopContext, "x")));
}

TEST(SigningTest, RefusesWhatIsNoKey) {
  for (const std::string_view text :
       {"", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    EXPECT_THAT(std::string(SigningKey::FromPem(text).status().message()), HasSubstr("Ed25519")) << text;
    EXPECT_THAT(std::string(PublicKey::FromPem(text).status().message()), HasSubstr("Ed25519")) << text;
  }
  // The one half isn't taken for the other.
  EXPECT_FALSE(SigningKey::FromPem(Key('a').public_key().ToPem()).ok());
  EXPECT_FALSE(PublicKey::FromPem(Key('a').ToPem()).ok());
  EXPECT_FALSE(SigningKey::FromSeed("short").ok());
  EXPECT_FALSE(PublicKey::FromBytes(std::string(33, 'x')).ok());
}

TEST(TrustedKeysTest, NamesWhyItDoesntTrust) {
  TrustedKeys trusted;
  const SigningKey key = Key('a');
  EXPECT_TRUE(trusted.empty());
  ASSERT_TRUE(trusted.Add(key.public_key()).ok());
  ASSERT_TRUE(trusted.Add(key.public_key()).ok());
  const std::string signature = key.Sign(kRuleContext, "x");
  EXPECT_TRUE(trusted.Verify(kRuleContext, "x", signature, key.public_key().id()).ok());
  EXPECT_THAT(std::string(trusted.Verify(kRuleContext, "x", signature, Key('b').public_key().id()).message()),
              HasSubstr("isn't among the 1 trusted"));
  EXPECT_THAT(std::string(trusted.Verify(kRuleContext, "y", signature, key.public_key().id()).message()),
              HasSubstr("breakwater rule v1"));
  EXPECT_EQ(trusted.Verify(kRuleContext, "x", signature, "").code(), absl::StatusCode::kUnauthenticated);
}

TEST(TrustedKeysTest, IsBounded) {
  TrustedKeys trusted;
  for (size_t i = 0; i < TrustedKeys::kMaxKeys; ++i) {
    ASSERT_TRUE(trusted.Add(Key(static_cast<char>('a' + i)).public_key()).ok());
  }
  EXPECT_EQ(trusted.Add(Key('z').public_key()).code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace breakwater::fleet
