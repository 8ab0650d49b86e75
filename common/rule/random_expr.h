// Random matches and packets for tests, fuzzers and oracles. Values come from small pools that both share, so that
// comparisons are true about as often as false. Part of bw::rule_testing, which nothing that ships links.
//
//   Random random(seed);                        // print the seed
//   ExprPtr raw = RandomExpr(random, {});       // not normalised: sets unsorted, groups nested, "not not"
//   FakePacket packet = RandomPacket(random);
//   Matches(*raw, packet) == Matches(*Normalise(*raw), packet);
#ifndef BREAKWATER_COMMON_RULE_RANDOM_EXPR_H_
#define BREAKWATER_COMMON_RULE_RANDOM_EXPR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "common/rule/expr.h"

namespace breakwater::rule {

// The same numbers for the same seed, on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // 0..n-1; n > 0.
  uint64_t Below(uint64_t n) { return engine_() % n; }
  // True once in n.
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

struct RandomExprOptions {
  int depth = 4;             // levels of operators
  size_t max_children = 4;   // of one "and" or "or"
  bool packet_only = false;  // only fields of the packet filter, no TLS, HTTP or source classes
};

// Well formed, within its fields and within the bounds of expr.h, but in no normal form.
ExprPtr RandomExpr(Random& random, const RandomExprOptions& options);

// A packet of which the test says what it has.
class FakePacket : public FieldReader {
 public:
  std::map<FieldId, uint64_t> numbers;
  std::map<FieldId, net::IpAddress> addresses;
  std::map<FieldId, std::string> bytes;
  std::map<std::pair<FieldId, std::string>, std::string> strings;  // by field and key

  std::optional<uint64_t> Number(FieldId field) const override;
  std::optional<net::IpAddress> Address(FieldId field) const override;
  std::optional<uint64_t> Bytes(FieldId field, uint32_t offset, uint32_t length) const override;
  std::optional<std::string_view> String(FieldId field, std::string_view key) const override;
};

// Has each field with a chance of 3 in 4.
FakePacket RandomPacket(Random& random);

// What has to hold of any text, however broken. Returns what doesn't; empty when all is well:
// an error has a reason, a place or a bound, and a bounded message; what parses has a canonical text that is within the
// bounds, parses back to itself and passes CheckExpr.
std::string BrokenParseProperty(std::string_view text);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_RANDOM_EXPR_H_
