// Reads the values of one comparison: numbers, flags, bytes, prefixes, strings, countries, as its field asks.
//
//   ValueParser values(lexer, compare, "udp.srcport ==");   // compare.field is set, and for bytes its length
//   absl::Status s = values.Member();                       // appends to compare.intervals
//
// Errors name the column, what was expected and what was there. Not thread-safe.
#ifndef BREAKWATER_COMMON_RULE_PARSE_VALUE_H_
#define BREAKWATER_COMMON_RULE_PARSE_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rule/expr.h"
#include "common/rule/lexer.h"

namespace breakwater::rule {

class ValueParser {
 public:
  // after: what was written before the value, for messages. lexer and compare outlive this.
  ValueParser(Lexer& lexer, Comparison& compare, std::string after)
      : lexer_(lexer), compare_(compare), after_(std::move(after)) {}

  // A mask: flags or bytes. Not zero.
  absl::StatusOr<uint64_t> Mask();
  // One number, flag set or byte string without "..".
  absl::StatusOr<uint64_t> Scalar();
  // One member of a set, or the value of "==": also "lo..hi".
  absl::Status Member();
  // Appends a range that was written at offset, if some masked value can be in it.
  absl::Status Range(size_t offset, const Interval& range);
  // "expected a number from 0 to 65535".
  std::string Expectation() const;

 private:
  absl::StatusOr<uint64_t> Number(uint64_t max, std::string_view expectation);
  absl::StatusOr<uint64_t> Flags();
  absl::StatusOr<uint64_t> Bytes();
  absl::Status IntervalMember();
  absl::Status AddressMember();
  absl::Status StringMember();
  absl::Status CountryMember();
  absl::Status Unexpected(const Token& got, Refusal refusal = Refusal::kMalformed) const;

  Lexer& lexer_;
  Comparison& compare_;
  std::string after_;
};

struct ParsedNumber {
  uint64_t value = 0;
  bool overflow = false;  // more than 64 bits
};
// Decimal without leading zeros, or 0x hexadecimal; nullopt when it is neither.
std::optional<ParsedNumber> ParseNumber(std::string_view text);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_PARSE_VALUE_H_
