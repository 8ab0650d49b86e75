#include "common/tls/identity.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::tls {
namespace {

using ::testing::HasSubstr;

TEST(IdentityTest, EdgesAndAdminsGoThereAndBack) {
  const EdgeIdentity edge{.id = "ams-1", .region = "eu_west"};
  EXPECT_EQ(EdgeUri(edge), "breakwater://edge/eu_west/ams-1");
  EXPECT_EQ(*ParseEdgeUri(EdgeUri(edge)), edge);
  EXPECT_EQ(*ParseAdminUri(AdminUri("alice")), "alice");
}

TEST(IdentityTest, RefusesEverythingElse) {
  for (const std::string& uri :
       {std::string(), std::string("breakwater://edge/"), std::string("breakwater://edge/eu"),
        std::string("breakwater://edge//ams-1"), std::string("breakwater://edge/eu/"),
        std::string("breakwater://edge/eu/ams/1"), std::string("breakwater://edge/EU/ams"),
        std::string("breakwater://edge/eu/ams 1"), std::string("Breakwater://edge/eu/ams"),
        std::string("https://edge/eu/ams"), std::string("breakwater://admin/alice"),
        "breakwater://edge/eu/" + std::string(65, 'a'), "breakwater://edge/" + std::string(65, 'a') + "/x",
        std::string("breakwater://edge/eu/a\0b", 24)}) {
    const absl::StatusOr<EdgeIdentity> edge = ParseEdgeUri(uri);
    EXPECT_FALSE(edge.ok()) << uri;
    EXPECT_THAT(std::string(edge.status().message()), HasSubstr("breakwater://edge/REGION/ID"));
  }
  EXPECT_FALSE(ParseAdminUri("breakwater://admin/").ok());
  EXPECT_FALSE(ParseAdminUri("breakwater://edge/eu/ams").ok());
  EXPECT_FALSE(ParseAdminUri("breakwater://admin/a/b").ok());
}

}  // namespace
}  // namespace breakwater::tls
