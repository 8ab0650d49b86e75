#include "common/tls/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/tls/testing.h"

namespace breakwater::tls {
namespace {

TEST(EdgeOfCertificate, ReadsTheUriOfTheFirstCertificate) {
  const TestCa ca;
  const absl::StatusOr<EdgeIdentity> who =
      EdgeOfCertificate(ca.Issue({.uri = "breakwater://edge/eu-west/ams-1"}).certificate);
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(*who, (EdgeIdentity{.id = "ams-1", .region = "eu-west"}));
}

TEST(EdgeOfCertificate, SaysWhatIsMissing) {
  const TestCa ca;
  for (const TestSubject& subject : {TestSubject{.uri = "breakwater://admin/ada"}, TestSubject{.dns = "ams-1"}}) {
    const absl::Status s = EdgeOfCertificate(ca.Issue(subject).certificate).status();
    EXPECT_THAT(std::string(s.message()), ::testing::HasSubstr("breakwater://edge/REGION/ID"));
  }
  EXPECT_THAT(std::string(EdgeOfCertificate("-----BEGIN nonsense").status().message()),
              ::testing::HasSubstr("no certificate"));
}

}  // namespace
}  // namespace breakwater::tls
