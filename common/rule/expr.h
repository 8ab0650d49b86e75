// The match of a rule: a typed expression over the fields of field.h, and its canonical text.
//
//   absl::StatusOr<ExprPtr> e = ParseExpr("ip.dst in {203.0.113.0/24} and udp.srcport == 53 and ip.len > 512");
//   CanonicalText(**e);    // the one text of this expression, which travels on the wire
//
// Grammar (lowest precedence first):
//
//   expr       = and-expr { "or" and-expr }
//   and-expr   = unary { "and" unary }
//   unary      = "not" unary | "(" expr ")" | comparison
//   comparison = field [ "[" offset ":" length "]" | "[" string "]" ] [ "&" mask ] op value
//   op         = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "matches"
//   value      = number | number ".." number | flag { "|" flag } | prefix | bytes | string | "{" value { "," value } "}"
//
// "&&", "||" and "!" are read as and, or, not. Numbers are decimal or 0x hexadecimal; bytes are hexadecimal pairs
// joined by colons ("de:ad"); strings are double-quoted with \" and \\; flags are names joined by "|" or a number.
// "a != b" means "not a == b". Canonical text: lower-case names, single spaces, decimal numbers, named flags, the
// fewest parentheses, "and"/"or" operands and set members sorted and without duplicates, intervals merged, one-member
// sets written with "==". Parsing canonical text and printing it again gives the same text; two equal canonical texts
// are one match.
//
// Bounds: kMaxExprText, kMaxExprNodes, kMaxExprDepth, kMaxSetSize; over a bound is an error which names it. Expressions
// are immutable and may be shared between threads.
#ifndef BREAKWATER_COMMON_RULE_EXPR_H_
#define BREAKWATER_COMMON_RULE_EXPR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/net/ip.h"
#include "common/rule/field.h"

namespace breakwater::rule {

inline constexpr size_t kMaxExprText = 8192;  // bytes
inline constexpr size_t kMaxExprNodes = 256;
inline constexpr int kMaxExprDepth = 32;
inline constexpr size_t kMaxSetSize = 256;
inline constexpr size_t kMaxByteLength = 8;  // of one kBytes comparison

// Inclusive.
struct Interval {
  uint64_t lo = 0;
  uint64_t hi = 0;
  friend auto operator<=>(const Interval&, const Interval&) = default;
};

struct Comparison {
  FieldId field = FieldId::kIpVersion;
  // kBytes: field[offset:length]. kHttpHeader and kHttpCookie: the name in key.
  uint32_t offset = 0;
  uint32_t length = 0;
  std::string key;
  // kFlags and kBytes: the value is ANDed with it before the comparison; all ones when not written. Bytes are read as
  // one big-endian number of `length` bytes, so masks and intervals work for them as for numbers.
  uint64_t mask = ~uint64_t{0};
  // Exactly one of these is non-empty; the comparison is true when the field is in any member.
  std::vector<Interval> intervals;      // kNumber, kFlags, kBytes: sorted, disjoint, not adjacent
  std::vector<net::IpPrefix> prefixes;  // kAddress: sorted, none inside another
  std::vector<std::string> strings;     // kString, kCountry: sorted
  bool glob = false;                    // strings are globs ("matches"): * any run, ? any one character

  friend bool operator==(const Comparison&, const Comparison&) = default;
};

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

struct Expr {
  enum class Kind { kAnd, kOr, kNot, kCompare };
  Kind kind = Kind::kCompare;
  std::vector<ExprPtr> children;  // kAnd, kOr: two or more; kNot: one
  Comparison compare;             // kCompare
  int column = 0;                 // 1-based, in the text it was parsed from; 0 when built by code
};

// Parses, types and normalises. An error's message has the form
//   column 12: expected a number from 0 to 65535 after "udp.srcport ==", got "foo"
// and, where it helps, a caret line under the text.
absl::StatusOr<ExprPtr> ParseExpr(std::string_view text);
std::string CanonicalText(const Expr& expr);

// Builders for code that makes matches (the detector). They normalise as the parser does; a set that is empty or a
// value over the field's maximum is a programming error and crashes.
ExprPtr And(std::vector<ExprPtr> children);
ExprPtr Or(std::vector<ExprPtr> children);
ExprPtr Not(ExprPtr child);
ExprPtr NumberIn(FieldId field, std::vector<Interval> intervals);
ExprPtr NumberIs(FieldId field, uint64_t value);
ExprPtr FlagsAre(FieldId field, uint64_t mask, std::vector<uint64_t> values);
ExprPtr AddressIn(FieldId field, std::vector<net::IpPrefix> prefixes);
// Values and mask are big-endian numbers of length bytes; ~0 masks nothing.
ExprPtr BytesIn(FieldId field, uint32_t offset, uint32_t length, uint64_t mask, std::vector<Interval> intervals);
ExprPtr BytesAre(FieldId field, uint32_t offset, uint32_t length, uint64_t value);

// The highest layer that any comparison of the expression needs.
Layer NeededLayer(const Expr& expr);

// What an expression is evaluated against. Used by dry runs, mining and as the oracle for the compiled forms.
class FieldReader {
 public:
  virtual ~FieldReader() = default;
  // Absent is nullopt. kPort is asked as kSrcPort and kDstPort.
  virtual std::optional<uint64_t> Number(FieldId field) const = 0;
  virtual std::optional<net::IpAddress> Address(FieldId field) const = 0;
  // length bytes at offset as a big-endian number; absent if any of them is.
  virtual std::optional<uint64_t> Bytes(FieldId field, uint32_t offset, uint32_t length) const = 0;
  virtual std::optional<std::string_view> String(FieldId field, std::string_view key) const = 0;
};
bool Matches(const Expr& expr, const FieldReader& packet);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_EXPR_H_
