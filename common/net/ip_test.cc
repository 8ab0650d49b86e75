#include "common/net/ip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace breakwater::net {
namespace {

using ::testing::HasSubstr;

TEST(IpAddressTest, ReadsAndPrintsBothFamilies) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "2001:db8::1", "2001:db8:0:1::"}) {
    const auto address = IpAddress::Parse(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_EQ(IpAddress::Parse("192.0.2.1")->v4(), 0xc0000201u);
  EXPECT_EQ(IpAddress::Parse("2001:DB8::0001")->ToString(), "2001:db8::1");
}

TEST(IpAddressTest, AMappedAddressIsAnIPv4Address) {
  EXPECT_EQ(*IpAddress::Parse("::ffff:192.0.2.1"), IpAddress::FromV4(0xc0000201));
  EXPECT_FALSE(IpAddress::Parse("::192.0.2.1")->is_v4());
}

TEST(IpAddressTest, RefusesWhatIsNoAddressAndNamesIt) {
  for (const char* text : {"", "192.0.2", "192.0.2.256", "192.0.2.1 ", "fe80::1%eth0", "2001:db8:::1", "example.com"}) {
    const auto address = IpAddress::Parse(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_THAT(std::string(address.status().message()), HasSubstr(text));
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("192.0.2.1\0x", 11)).ok()) << "an embedded zero must not end the text";
}

TEST(IpPrefixTest, ReadsAndPrints) {
  EXPECT_EQ(IpPrefix::Parse("203.0.113.0/24")->ToString(), "203.0.113.0/24");
  EXPECT_EQ(IpPrefix::Parse("203.0.113.7")->ToString(), "203.0.113.7/32");
  EXPECT_EQ(IpPrefix::Parse("203.0.113.7/32")->ToShortString(), "203.0.113.7");
  EXPECT_EQ(IpPrefix::Parse("0.0.0.0/0")->ToString(), "0.0.0.0/0");
  EXPECT_EQ(IpPrefix::Parse("2001:db8::/32")->ToString(), "2001:db8::/32");
  EXPECT_EQ(IpPrefix::Parse("::/0")->ToString(), "::/0");
  EXPECT_EQ(IpPrefix::Parse("2001:db8::/32")->mapped_length(), 32);
  EXPECT_EQ(IpPrefix::Parse("10.0.0.0/8")->mapped_length(), 104);
}

TEST(IpPrefixTest, HostBitsThatAreSetAreAnErrorThatSaysWhatWasMeant) {
  const auto prefix = IpPrefix::Parse("203.0.113.7/24");
  ASSERT_FALSE(prefix.ok());
  EXPECT_THAT(std::string(prefix.status().message()), HasSubstr("203.0.113.0/24"));
}

TEST(IpPrefixTest, RefusesLengthsOutsideTheFamily) {
  for (const char* text :
       {"203.0.113.0/33", "2001:db8::/129", "203.0.113.0/", "203.0.113.0/-1", "203.0.113.0/2x", "203.0.113.0/ 4"}) {
    EXPECT_FALSE(IpPrefix::Parse(text).ok()) << text;
  }
}

TEST(IpPrefixTest, ContainsAddressesAndNarrowerPrefixesOfItsFamilyOnly) {
  const IpPrefix prefix = *IpPrefix::Parse("203.0.113.128/25");
  EXPECT_TRUE(prefix.Contains(*IpAddress::Parse("203.0.113.128")));
  EXPECT_TRUE(prefix.Contains(*IpAddress::Parse("203.0.113.255")));
  EXPECT_FALSE(prefix.Contains(*IpAddress::Parse("203.0.113.127")));
  EXPECT_TRUE(prefix.Contains(*IpPrefix::Parse("203.0.113.192/26")));
  EXPECT_FALSE(prefix.Contains(*IpPrefix::Parse("203.0.113.0/24")));
  EXPECT_TRUE(prefix.Overlaps(*IpPrefix::Parse("203.0.113.0/24")));
  EXPECT_FALSE(prefix.Overlaps(*IpPrefix::Parse("203.0.113.0/25")));
  EXPECT_FALSE(IpPrefix::Parse("::/0")->Contains(*IpAddress::Parse("203.0.113.1")));
  EXPECT_TRUE(IpPrefix::Parse("0.0.0.0/0")->Contains(*IpAddress::Parse("203.0.113.1")));
  EXPECT_FALSE(IpPrefix::Parse("0.0.0.0/0")->Contains(*IpAddress::Parse("2001:db8::1")));
}

TEST(IpPrefixTest, AHostIsTheFullLengthOfItsFamily) {
  EXPECT_TRUE(IpPrefix::Host(*IpAddress::Parse("192.0.2.1")).is_host());
  EXPECT_EQ(IpPrefix::Host(*IpAddress::Parse("192.0.2.1")).length(), 32);
  EXPECT_EQ(IpPrefix::Host(*IpAddress::Parse("2001:db8::1")).length(), 128);
}

}  // namespace
}  // namespace breakwater::net
