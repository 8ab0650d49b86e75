// What has to hold of every match, tried on random ones. Seeds are fixed and printed with each failure.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/rule/check.h"
#include "common/rule/expr.h"
#include "common/rule/normalise.h"
#include "common/rule/random_expr.h"

namespace breakwater::rule {
namespace {

class PropertyTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  static constexpr int kRounds = 400;
  static constexpr int kPackets = 12;

  PropertyTest() : random_(GetParam()), trace_(__FILE__, __LINE__, "seed " + std::to_string(GetParam())) {}

  Random random_;
  ::testing::ScopedTrace trace_;
};

ExprPtr Node(Expr::Kind kind, std::vector<ExprPtr> children) {
  auto expr = std::make_shared<Expr>();
  expr->kind = kind;
  expr->children = std::move(children);
  return expr;
}

TEST_P(PropertyTest, CanonicalTextIsAFixedPoint) {
  for (int i = 0; i < kRounds; ++i) {
    const ExprPtr raw = RandomExpr(random_, {});
    const std::string canonical = CanonicalText(*Normalise(*raw));
    const absl::StatusOr<ExprPtr> parsed = ParseExpr(canonical);
    ASSERT_TRUE(parsed.ok()) << canonical << "\n" << parsed.status();
    ASSERT_EQ(CanonicalText(**parsed), canonical);
    ASSERT_EQ(CanonicalText(*Normalise(**parsed)), canonical);
    ASSERT_TRUE(CheckExpr(**parsed).ok()) << canonical;
    // The text of the raw expression is another way of writing the same.
    const absl::StatusOr<ExprPtr> from_raw = ParseExpr(CanonicalText(*raw));
    ASSERT_TRUE(from_raw.ok()) << CanonicalText(*raw) << "\n" << from_raw.status();
    ASSERT_EQ(CanonicalText(**from_raw), canonical);
  }
}

TEST_P(PropertyTest, NormalisingKeepsTheMeaning) {
  int matched = 0;
  for (int i = 0; i < kRounds; ++i) {
    const ExprPtr raw = RandomExpr(random_, {});
    const ExprPtr normal = Normalise(*raw);
    for (int j = 0; j < kPackets; ++j) {
      const FakePacket packet = RandomPacket(random_);
      ASSERT_EQ(Matches(*raw, packet), Matches(*normal, packet)) << CanonicalText(*raw);
      matched += Matches(*raw, packet) ? 1 : 0;
    }
  }
  // The pools are chosen so that both answers are common; else this test would test little.
  EXPECT_GT(matched, kRounds * kPackets / 10);
  EXPECT_LT(matched, kRounds * kPackets * 9 / 10);
}

TEST_P(PropertyTest, OrderAndRepetitionDontCount) {
  for (int i = 0; i < kRounds; ++i) {
    std::vector<ExprPtr> operands;
    for (uint64_t n = 2 + random_.Below(4); n > 0; --n) operands.push_back(RandomExpr(random_, {.depth = 3}));
    const Expr::Kind kind = random_.OneIn(2) ? Expr::Kind::kAnd : Expr::Kind::kOr;
    const std::string canonical = CanonicalText(*Normalise(*Node(kind, operands)));
    operands.push_back(operands[random_.Below(operands.size())]);
    std::shuffle(operands.begin(), operands.end(), random_.engine());
    ASSERT_EQ(CanonicalText(*Normalise(*Node(kind, operands))), canonical);
    // Nor does nesting of one kind.
    const ExprPtr tail = Node(kind, {operands.begin() + 1, operands.end()});
    ASSERT_EQ(CanonicalText(*Normalise(*Node(kind, {operands.front(), tail}))), canonical);
  }
}

TEST_P(PropertyTest, DeMorgan) {
  for (int i = 0; i < kRounds; ++i) {
    const ExprPtr a = Normalise(*RandomExpr(random_, {.depth = 3}));
    const ExprPtr b = Normalise(*RandomExpr(random_, {.depth = 3}));
    const ExprPtr neither = Not(Or({a, b}));
    const ExprPtr both_not = And({Not(a), Not(b)});
    const ExprPtr not_both = Not(And({a, b}));
    const ExprPtr one_not = Or({Not(a), Not(b)});
    for (int j = 0; j < kPackets; ++j) {
      const FakePacket packet = RandomPacket(random_);
      ASSERT_EQ(Matches(*neither, packet), Matches(*both_not, packet)) << CanonicalText(*neither);
      ASSERT_EQ(Matches(*not_both, packet), Matches(*one_not, packet)) << CanonicalText(*not_both);
      ASSERT_NE(Matches(*a, packet), Matches(*Not(a), packet)) << CanonicalText(*a);
    }
  }
}

TEST_P(PropertyTest, MergedIntervalsHoldTheSameValues) {
  for (int i = 0; i < kRounds; ++i) {
    std::vector<Interval> intervals;
    for (uint64_t n = 1 + random_.Below(8); n > 0; --n) {
      const uint64_t lo = random_.Below(40);
      intervals.push_back({lo, lo + random_.Below(6)});
    }
    if (random_.OneIn(4)) intervals.push_back({random_.Below(40), ~uint64_t{0}});
    const std::vector<Interval> merged = MergeIntervals(intervals);
    const auto holds = [](const std::vector<Interval>& set, uint64_t v) {
      return std::any_of(set.begin(), set.end(), [&](const Interval& x) { return x.lo <= v && v <= x.hi; });
    };
    for (uint64_t v = 0; v < 50; ++v) ASSERT_EQ(holds(intervals, v), holds(merged, v)) << v;
    ASSERT_EQ(holds(intervals, ~uint64_t{0}), holds(merged, ~uint64_t{0}));
    for (size_t k = 1; k < merged.size(); ++k) ASSERT_GT(merged[k].lo, merged[k - 1].hi + 1);  // apart, and in order
  }
}

TEST_P(PropertyTest, WithinMaskKeepsExactlyTheMaskedValues) {
  for (int i = 0; i < kRounds; ++i) {
    const uint64_t mask = random_.Below(64);
    const uint64_t lo = random_.Below(64);
    const Interval whole = {lo, lo + random_.Below(64 - lo)};
    uint64_t first = ~uint64_t{0};
    uint64_t last = 0;
    for (uint64_t v = whole.lo; v <= whole.hi; ++v) {
      if ((v & ~mask) != 0) continue;
      first = std::min(first, v);
      last = v;
    }
    // Also at the top of 64 bits, where shifts can overflow.
    for (const int shift : {0, 58}) {
      const uint64_t low_ones = (uint64_t{1} << shift) - 1;
      const std::optional<Interval> within =
          WithinMask({whole.lo << shift, whole.hi << shift | low_ones}, mask << shift | low_ones);
      ASSERT_EQ(within.has_value(), first != ~uint64_t{0}) << mask << " " << whole.lo << ".." << whole.hi;
      if (!within.has_value()) continue;
      ASSERT_EQ(*within, (Interval{first << shift, last << shift | low_ones}))
          << mask << " " << whole.lo << ".." << whole.hi;
    }
  }
}

TEST_P(PropertyTest, MergedPrefixesHoldTheSameAddresses) {
  for (int i = 0; i < kRounds; ++i) {
    std::vector<net::IpPrefix> prefixes;
    const auto address = [&] {
      // Few bits differ, so that prefixes nest.
      std::array<uint8_t, 16> bytes{};
      bytes[0] = static_cast<uint8_t>(random_.Below(4) << 6);
      bytes[1] = static_cast<uint8_t>(random_.Below(4) << 6);
      if (random_.OneIn(2)) return net::IpAddress::FromBytes(bytes);
      return net::IpAddress::FromV4(static_cast<uint32_t>(bytes[0] << 24 | bytes[1] << 16));
    };
    for (uint64_t n = 1 + random_.Below(8); n > 0; --n) {
      prefixes.emplace_back(address(), static_cast<int>(random_.Below(12)));
    }
    const std::vector<net::IpPrefix> merged = MergePrefixes(prefixes);
    const auto holds = [](const std::vector<net::IpPrefix>& set, const net::IpAddress& a) {
      return std::any_of(set.begin(), set.end(), [&](const net::IpPrefix& p) { return p.Contains(a); });
    };
    for (int j = 0; j < 20; ++j) {
      const net::IpAddress a = address();
      ASSERT_EQ(holds(prefixes, a), holds(merged, a)) << a.ToString();
    }
    for (const net::IpPrefix& p : merged) {
      ASSERT_EQ(std::count_if(merged.begin(), merged.end(), [&](const net::IpPrefix& q) { return q.Contains(p); }), 1)
          << p.ToString();
    }
    ASSERT_TRUE(std::is_sorted(merged.begin(), merged.end()));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PropertyTest, ::testing::Values(1, 2, 3, 4, 5));

// Deterministic mutations of good texts: nothing may crash, and what parses or fails does so properly. The fuzzer in
// tests/fuzz looks further.
TEST(MutationTest, AnyTextParsesOrFailsProperly) {
  constexpr std::string_view kPieces[] = {"and",
                                          "or",
                                          "not",
                                          "(",
                                          ")",
                                          "{",
                                          "}",
                                          "==",
                                          "!=",
                                          "..",
                                          "in",
                                          "<",
                                          ">=",
                                          "&",
                                          "\"",
                                          "\\",
                                          ":",
                                          "/",
                                          "0x",
                                          "|",
                                          ",",
                                          "[",
                                          "]",
                                          "*",
                                          "\xff",
                                          "\xc3",
                                          "\n",
                                          "\0",
                                          "18446744073709551616",
                                          "ip.",
                                          "tcp.flags",
                                          "payload[0:4]",
                                          "::1",
                                          "65535",
                                          "http.header[\"a\"]"};
  Random random(20240229);
  int parsed = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string text = CanonicalText(*RandomExpr(random, {.depth = 3}));
    for (uint64_t n = random.Below(4); n > 0; --n) {
      const size_t at = random.Below(text.size() + 1);
      switch (random.Below(4)) {
        case 0:
          text.insert(at, kPieces[random.Below(std::size(kPieces))]);
          break;
        case 1:
          if (at < text.size()) text[at] = static_cast<char>(random.Below(256));
          break;
        case 2:
          text.erase(at, random.Below(6));
          break;
        default:
          text = text.substr(0, at) + text.substr(random.Below(text.size() + 1));
          break;
      }
    }
    ASSERT_EQ(BrokenParseProperty(text), "") << "round " << i << ": " << text;
    parsed += ParseExpr(text).ok() ? 1 : 0;
  }
  EXPECT_GT(parsed, 400);
  EXPECT_LT(parsed, 3600);
}

}  // namespace
}  // namespace breakwater::rule
