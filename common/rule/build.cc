// The builders of expr.h.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "common/rule/check.h"
#include "common/rule/expr.h"
#include "common/rule/normalise.h"

namespace breakwater::rule {
namespace {

[[noreturn]] void Die(FieldId field, const char* problem) {
  std::fprintf(stderr, "breakwater::rule: a match on %s was built with %s\n", std::string(Field(field).name).c_str(),
               problem);
  std::abort();
}

ExprPtr Compare(Comparison compare) {
  Expr expr;
  expr.compare = std::move(compare);
  return Normalise(expr);
}

ExprPtr Group(Expr::Kind kind, std::vector<ExprPtr> children) {
  if (children.empty()) {
    std::fprintf(stderr, "breakwater::rule: \"and\" or \"or\" was built without operands\n");
    std::abort();
  }
  if (children.size() == 1) return children.front();
  Expr expr;
  expr.kind = kind;
  expr.children = std::move(children);
  return Normalise(expr);
}

ExprPtr InIntervals(Comparison compare) {
  if (compare.intervals.empty()) Die(compare.field, "an empty set");
  for (const Interval& interval : compare.intervals) {
    if (interval.lo > interval.hi) Die(compare.field, "a range that ends before it begins");
    if (interval.hi > MaxValue(compare)) Die(compare.field, "a value over its maximum");
    if (!WithinMask(interval, compare.mask).has_value()) Die(compare.field, "a value outside its mask");
  }
  return Compare(std::move(compare));
}

}  // namespace

ExprPtr And(std::vector<ExprPtr> children) { return Group(Expr::Kind::kAnd, std::move(children)); }

ExprPtr Or(std::vector<ExprPtr> children) { return Group(Expr::Kind::kOr, std::move(children)); }

ExprPtr Not(ExprPtr child) {
  Expr expr;
  expr.kind = Expr::Kind::kNot;
  expr.children.push_back(std::move(child));
  return Normalise(expr);
}

ExprPtr NumberIn(FieldId field, std::vector<Interval> intervals) {
  if (Field(field).type != FieldType::kNumber) Die(field, "a number");
  Comparison compare;
  compare.field = field;
  compare.intervals = std::move(intervals);
  return InIntervals(std::move(compare));
}

ExprPtr NumberIs(FieldId field, uint64_t value) { return NumberIn(field, {{value, value}}); }

ExprPtr FlagsAre(FieldId field, uint64_t mask, std::vector<uint64_t> values) {
  if (Field(field).type != FieldType::kFlags) Die(field, "flags");
  Comparison compare;
  compare.field = field;
  compare.mask = mask;
  if ((mask & MaxValue(compare)) == 0) Die(field, "an empty mask");
  for (const uint64_t value : values) {
    if ((value & ~mask) != 0) Die(field, "a value outside its mask");
    compare.intervals.push_back({value, value});
  }
  // Bits which the field doesn't have aren't part of the mask.
  compare.mask &= MaxValue(compare);
  return InIntervals(std::move(compare));
}

ExprPtr AddressIn(FieldId field, std::vector<net::IpPrefix> prefixes) {
  if (Field(field).type != FieldType::kAddress) Die(field, "addresses");
  if (prefixes.empty()) Die(field, "an empty set");
  Comparison compare;
  compare.field = field;
  compare.prefixes = std::move(prefixes);
  return Compare(std::move(compare));
}

ExprPtr BytesIn(FieldId field, uint32_t offset, uint32_t length, uint64_t mask, std::vector<Interval> intervals) {
  if (Field(field).type != FieldType::kBytes) Die(field, "bytes");
  if (length == 0 || length > kMaxByteLength || offset > Field(field).max || offset + length - 1 > Field(field).max) {
    Die(field, "an offset or a length outside it");
  }
  Comparison compare;
  compare.field = field;
  compare.offset = offset;
  compare.length = length;
  compare.mask = mask & MaxValue(compare);
  if (compare.mask == 0) Die(field, "an empty mask");
  compare.intervals = std::move(intervals);
  return InIntervals(std::move(compare));
}

ExprPtr BytesAre(FieldId field, uint32_t offset, uint32_t length, uint64_t value) {
  return BytesIn(field, offset, length, ~uint64_t{0}, {{value, value}});
}

}  // namespace breakwater::rule
