#include "coordinator/cli/text.h"

#include <bit>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace breakwater::cli {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Si, KeepsThreeDigits) {
  EXPECT_EQ(Si(0), "0");
  EXPECT_EQ(Si(0.4), "0");
  EXPECT_EQ(Si(950), "950");
  EXPECT_EQ(Si(999.4), "999");
  EXPECT_EQ(Si(999.6), "1.00k");
  EXPECT_EQ(Si(12345), "12.3k");
  EXPECT_EQ(Si(4567890), "4.57M");
  EXPECT_EQ(Si(-12345), "-12.3k");
  EXPECT_EQ(Si(9.9951e6), "10.0M");
  EXPECT_EQ(Si(999.6e18), ">999E");
  EXPECT_EQ(Si(kNan), "?");
}

TEST(Count, ShowsAllDigitsWhileTheyFit) {
  EXPECT_EQ(Count(1000), "1000");
  EXPECT_EQ(Count(9999999), "9999999");
  EXPECT_EQ(Count(10000000), "10.0M");
  EXPECT_EQ(Count(kNan), "?");
}

TEST(Share, SaysAllOnlyOfAll) {
  EXPECT_EQ(Share(1, 2), "50.0%");
  EXPECT_EQ(Share(999999, 1000000), "99.9%");
  EXPECT_EQ(Share(1000000, 1000000), "100.0%");
  EXPECT_EQ(Share(1, 1000000), "<0.1%");
  EXPECT_EQ(Share(0, 1000000), "0.0%");
  EXPECT_EQ(Share(0, 0), "-");
  EXPECT_EQ(Share(kNan, 1), "?");
}

TEST(Duration, HasTwoUnits) {
  EXPECT_EQ(Duration(0), "0s");
  EXPECT_EQ(Duration(0.25), "0.2s");
  EXPECT_EQ(Duration(45), "45s");
  EXPECT_EQ(Duration(185), "3m05s");
  EXPECT_EQ(Duration(7800), "2h10m");
  EXPECT_EQ(Duration(3 * 86400 + 4 * 3600), "3d04h");
  EXPECT_EQ(Duration(-185), "-3m05s");
}

TEST(Times, ShowNeverAndNonsense) {
  EXPECT_EQ(UtcTime(1893456000.9), "2030-01-01 00:00:00");
  EXPECT_EQ(UtcTime(0), "-");
  EXPECT_EQ(UtcTime(-1), "?");
  EXPECT_EQ(UtcTime(1e300), "?");
  EXPECT_EQ(Age(0, 100), "-");
  EXPECT_EQ(Age(90, 100), "10s");
  EXPECT_EQ(Age(101, 100), "0s");
  EXPECT_EQ(Offset(0, 5), "-");
  EXPECT_EQ(Offset(5, 0), "-");
  EXPECT_EQ(Offset(100, 100.21), "+0.21s");
  EXPECT_EQ(Offset(100, 98.5), "-1.50s");
  EXPECT_EQ(Offset(100, 285), "+3m05s");
  EXPECT_EQ(Expiry(0, 100), "never");
  EXPECT_EQ(Expiry(3400, 100), "55m00s");
  EXPECT_EQ(Expiry(100, 100), "EXPIRED 0s ago");
  EXPECT_EQ(Expiry(100, 285), "EXPIRED 3m05s ago");
}

// None of them may be undefined behaviour, whatever a peer sent.
TEST(Times, TakeAnyDouble) {
  std::vector<double> values = {0,
                                -0.0,
                                1,
                                -1,
                                1e18,
                                -1e18,
                                1e300,
                                -1e300,
                                kNan,
                                kInfinity,
                                -kInfinity,
                                5e-324,
                                std::numeric_limits<double>::max()};
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 200; ++i) values.push_back(std::bit_cast<double>(random()));
  for (const double a : values) {
    EXPECT_FALSE(Si(a).empty());
    EXPECT_FALSE(Count(a).empty());
    EXPECT_FALSE(Duration(a).empty());
    EXPECT_FALSE(UtcTime(a).empty());
    for (const double b : values) {
      EXPECT_LE(Share(a, b).size(), 6u);
      EXPECT_FALSE(Offset(a, b).empty());
      EXPECT_FALSE(Age(a, b).empty());
      EXPECT_FALSE(Expiry(a, b).empty());
    }
  }
}

TEST(Printable, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(Printable("plain ü 東 🙂"), "plain ü 東 🙂");
  EXPECT_EQ(Printable("\x1b[31mred\x1b[0m"), "?[31mred?[0m");
  EXPECT_EQ(Printable("a\nb\tc\rd\x7f"), "a?b?c?d?");
  EXPECT_EQ(Printable("csi \xc2\x9b"), "csi ?");  // C1
  EXPECT_EQ(Printable("\xe2\x80\xae"
                      "evil"),
            "?evil");  // right-to-left override
  EXPECT_EQ(Printable("\xe2\x81\xa6"
                      "isolate"),
            "?isolate");
  EXPECT_EQ(Printable("cut \xe6\x9d"), "cut ??");  // broken UTF-8
  EXPECT_EQ(Printable("\xc0\xaf"), "??");          // overlong
  EXPECT_EQ(Printable("\xed\xa0\x80"), "???");     // surrogate
  EXPECT_EQ(Printable(std::string_view("nul\0!", 5)), "nul?!");
}

TEST(Printable, IsStableAndSafeForAnyBytes) {
  constexpr uint64_t kSeed = 11;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const std::string once = Printable(bytes);
    EXPECT_EQ(Printable(once), once) << "seed " << kSeed << " round " << i;
    for (const char c : once) EXPECT_TRUE(static_cast<uint8_t>(c) >= 0x20 && c != 0x7f);
  }
}

TEST(CutTo, CountsCharactersAndMarksTheCut) {
  EXPECT_EQ(Width("üü"), 2u);
  EXPECT_EQ(CutTo("abc", 3), "abc");
  EXPECT_EQ(CutTo("abcd", 3), "ab…");
  EXPECT_EQ(CutTo("üüüü", 3), "üü…");
  EXPECT_EQ(CutTo("abc", 1), "…");
  EXPECT_EQ(CutTo("abc", 0), "");
}

}  // namespace
}  // namespace breakwater::cli
