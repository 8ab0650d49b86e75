// CanonicalText: see expr.h for the grammar, normalise.h for the order.
#include <string>
#include <string_view>

#include "common/rule/expr.h"
#include "common/rule/normalise.h"

namespace breakwater::rule {
namespace {

std::string QuoteString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string FlagsText(FieldId field, uint64_t value) {
  std::string out;
  uint64_t named = 0;
  for (const FlagName& flag : FlagNames(field)) {
    if ((value & flag.bit) == 0) continue;
    if (!out.empty()) out += '|';
    out += flag.name;
    named |= flag.bit;
  }
  return value != 0 && named == value ? out : std::to_string(value);
}

std::string BytesText(uint64_t value, uint32_t length) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (uint32_t i = 0; i < length; ++i) {
    const uint8_t byte = static_cast<uint8_t>(value >> (8 * (length - 1 - i)));
    if (i > 0) out += ':';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string ValueText(const Comparison& compare, uint64_t value) {
  switch (Field(compare.field).type) {
    case FieldType::kFlags:
      return FlagsText(compare.field, value);
    case FieldType::kBytes:
      return BytesText(value, compare.length);
    default:
      return std::to_string(value);
  }
}

class Members {
 public:
  void Add(std::string_view text) {
    if (count_++ > 0) text_ += ", ";
    text_ += text;
  }
  // `one` is the operator of a single member, `many` that of a set.
  std::string With(std::string_view one, std::string_view many) const {
    if (count_ == 1) return std::string(one) + " " + text_;
    return std::string(many) + " {" + text_ + "}";
  }

 private:
  std::string text_;
  size_t count_ = 0;
};

std::string IntervalsText(const Comparison& compare) {
  constexpr uint64_t kMaxFlagsRun = 16;
  const bool flags = Field(compare.field).type == FieldType::kFlags;
  if (compare.intervals.size() == 1 && !flags) {
    const auto [lo, hi] = compare.intervals.front();
    if (lo != hi && hi == MaxValue(compare)) return ">= " + ValueText(compare, lo);
    if (lo != hi && lo == 0) return "<= " + ValueText(compare, hi);
  }
  Members members;
  for (const auto& [lo, hi] : compare.intervals) {
    if (lo == hi) {
      members.Add(ValueText(compare, lo));
    } else if (flags && hi - lo < kMaxFlagsRun) {
      // Neighbouring numbers are no neighbours as flags; only long runs are written as ranges.
      for (uint64_t value = lo; value <= hi; ++value) members.Add(ValueText(compare, value));
    } else if (flags) {
      members.Add(std::to_string(lo) + ".." + std::to_string(hi));
    } else {
      members.Add(ValueText(compare, lo) + ".." + ValueText(compare, hi));
    }
  }
  return members.With("==", "in");
}

std::string CompareText(const Comparison& compare) {
  const FieldInfo& field = Field(compare.field);
  std::string out(field.name);
  if (field.type == FieldType::kBytes) {
    out += "[" + std::to_string(compare.offset) + ":" + std::to_string(compare.length) + "]";
  }
  if (!compare.key.empty()) out += "[" + QuoteString(compare.key) + "]";
  if (compare.mask != ~uint64_t{0}) out += " & " + ValueText(compare, compare.mask);
  out += ' ';

  Members members;
  switch (field.type) {
    case FieldType::kNumber:
    case FieldType::kFlags:
    case FieldType::kBytes:
      return out + IntervalsText(compare);
    case FieldType::kAddress:
      for (const net::IpPrefix& prefix : compare.prefixes) members.Add(prefix.ToShortString());
      return out + members.With("==", "in");
    case FieldType::kString:
    case FieldType::kCountry:
      for (const std::string& text : compare.strings) members.Add(QuoteString(text));
      return out + (compare.glob ? members.With("matches", "matches") : members.With("==", "in"));
  }
  return out;
}

bool IsGroup(const Expr& expr) { return expr.kind == Expr::Kind::kAnd || expr.kind == Expr::Kind::kOr; }

}  // namespace

std::string CanonicalText(const Expr& expr) {
  if (expr.kind == Expr::Kind::kCompare) return CompareText(expr.compare);
  const auto operand = [&](const Expr& child) {
    // "and" binds tighter than "or", "not" tighter than both.
    const bool parentheses = IsGroup(child) && !(expr.kind == Expr::Kind::kOr && child.kind == Expr::Kind::kAnd);
    return parentheses ? "(" + CanonicalText(child) + ")" : CanonicalText(child);
  };
  if (expr.kind == Expr::Kind::kNot) return "not " + operand(*expr.children.front());
  std::string out;
  for (const ExprPtr& child : expr.children) {
    if (!out.empty()) out += expr.kind == Expr::Kind::kAnd ? " and " : " or ";
    out += operand(*child);
  }
  return out;
}

}  // namespace breakwater::rule
