// ParseExpr: a recursive descent over the grammar in expr.h. Recursion is bounded by kMaxExprDepth.
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/rule/check.h"
#include "common/rule/expr.h"
#include "common/rule/lexer.h"
#include "common/rule/normalise.h"
#include "common/rule/parse_value.h"
#include "common/rule/text.h"

namespace breakwater::rule {
namespace {

enum class Op { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kMatches };

struct OpName {
  std::string_view name;
  Op op;
};
constexpr OpName kOps[] = {{"==", Op::kEqual},  {"!=", Op::kNotEqual},     {"<", Op::kLess}, {"<=", Op::kLessEqual},
                           {">", Op::kGreater}, {">=", Op::kGreaterEqual}, {"in", Op::kIn},  {"matches", Op::kMatches}};

bool IsOrder(Op op) { return op == Op::kLess || op == Op::kLessEqual || op == Op::kGreater || op == Op::kGreaterEqual; }

bool Allowed(FieldType type, Op op) {
  if (IsOrder(op)) return type == FieldType::kNumber || type == FieldType::kBytes;
  if (op == Op::kMatches) return type == FieldType::kString;
  return true;
}

std::string_view OpsOf(FieldType type) {
  switch (type) {
    case FieldType::kNumber:
    case FieldType::kBytes:
      return "==, !=, <, <=, >, >= or in";
    case FieldType::kString:
      return "==, !=, in or matches";
    default:
      return "==, != or in";
  }
}

bool IsKeyword(std::string_view word) {
  return word == "and" || word == "or" || word == "not" || word == "in" || word == "matches";
}

// RFC 9110 section 5.6.2.
bool IsHeaderToken(std::string_view text) {
  constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  for (const char c : text) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alphanumeric && kOther.find(c) == std::string_view::npos) return false;
  }
  return !text.empty();
}

bool IsAnd(const Token& t) { return t.Is("&&") || (t.kind == TokenKind::kWord && AsciiLower(t.text) == "and"); }
bool IsOr(const Token& t) { return t.Is("||") || (t.kind == TokenKind::kWord && AsciiLower(t.text) == "or"); }
bool IsNot(const Token& t) { return t.Is("!") || (t.kind == TokenKind::kWord && AsciiLower(t.text) == "not"); }

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  absl::StatusOr<ExprPtr> Parse() {
    absl::StatusOr<ExprPtr> expr = Or(1);
    if (!expr.ok()) return expr;
    const Token rest = lexer_.Peek(LexMode::kSyntax);
    if (rest.kind != TokenKind::kEnd) return Unexpected(rest, "\"and\", \"or\" or the end");
    return expr;
  }

 private:
  absl::Status Error(const Token& at, Refusal refusal, std::string_view message) const {
    return lexer_.ErrorAt(at.offset, refusal, message);
  }
  absl::Status Unexpected(const Token& got, std::string_view expected) const {
    if (got.kind == TokenKind::kBad) return Error(got, Refusal::kMalformed, got.value);
    return Error(got, Refusal::kMalformed, "expected " + std::string(expected) + ", got " + Describe(got));
  }

  absl::StatusOr<ExprPtr> Or(int depth) {
    return Group(Expr::Kind::kOr, IsOr, [&] { return And(depth); });
  }
  absl::StatusOr<ExprPtr> And(int depth) {
    return Group(Expr::Kind::kAnd, IsAnd, [&] { return Unary(depth); });
  }

  template <typename Operand>
  absl::StatusOr<ExprPtr> Group(Expr::Kind kind, bool (*is_operator)(const Token&), Operand operand) {
    const Token start = lexer_.Peek(LexMode::kSyntax);
    absl::StatusOr<ExprPtr> first = operand();
    if (!first.ok() || !is_operator(lexer_.Peek(LexMode::kSyntax))) return first;
    std::vector<ExprPtr> children = {*std::move(first)};
    while (is_operator(lexer_.Peek(LexMode::kSyntax))) {
      lexer_.Take(LexMode::kSyntax);
      absl::StatusOr<ExprPtr> next = operand();
      if (!next.ok()) return next;
      children.push_back(*std::move(next));
    }
    return Node(kind, std::move(children), {}, start);
  }

  // Not checked against null by callers: an expression, or the error that there are too many.
  absl::StatusOr<ExprPtr> Node(Expr::Kind kind, std::vector<ExprPtr> children, Comparison compare, const Token& at) {
    if (++nodes_ > kMaxExprNodes) {
      return Error(at, Refusal::kOverBound,
                   "more than " + std::to_string(kMaxExprNodes) + " comparisons and operators; split the rule");
    }
    auto expr = std::make_shared<Expr>();
    expr->kind = kind;
    expr->children = std::move(children);
    expr->compare = std::move(compare);
    expr->column = lexer_.Column(at.offset);
    return expr;
  }

  absl::StatusOr<ExprPtr> Unary(int depth) {
    const Token token = lexer_.Peek(LexMode::kSyntax);
    const bool negation = IsNot(token);
    if (!negation && !token.Is("(")) return Compare();
    if (depth >= kMaxExprDepth) {
      return Error(token, Refusal::kOverBound,
                   "more than " + std::to_string(kMaxExprDepth) + " levels of \"not\" and parentheses; split the rule");
    }
    lexer_.Take(LexMode::kSyntax);
    if (negation) {
      absl::StatusOr<ExprPtr> child = Unary(depth + 1);
      if (!child.ok()) return child;
      return Node(Expr::Kind::kNot, {*std::move(child)}, {}, token);
    }
    absl::StatusOr<ExprPtr> inner = Or(depth + 1);
    if (!inner.ok()) return inner;
    const Token close = lexer_.Take(LexMode::kSyntax);
    if (!close.Is(")")) {
      return Unexpected(close,
                        "\"and\", \"or\" or the \")\" for column " + std::to_string(lexer_.Column(token.offset)));
    }
    return inner;
  }

  absl::StatusOr<ExprPtr> Compare() {
    const Token name = lexer_.Take(LexMode::kSyntax);
    const std::string lower = AsciiLower(name.text);
    if (name.kind != TokenKind::kWord || IsKeyword(lower)) return Unexpected(name, "a field such as ip.dst");
    const FieldInfo* field = FindField(lower);
    if (field == nullptr) return UnknownField(name);

    Comparison compare;
    compare.field = field->id;
    if (absl::Status s = Selector(*field, name, compare); !s.ok()) return s;
    if (absl::Status s = Mask(*field, name, compare); !s.ok()) return s;

    const Token op_token = lexer_.Take(LexMode::kSyntax);
    const std::string op_text = AsciiLower(op_token.text);
    const OpName* op = nullptr;
    for (const OpName& candidate : kOps) {
      if (candidate.name == op_text && op_token.kind != TokenKind::kString) op = &candidate;
    }
    if (op == nullptr || op_token.kind == TokenKind::kBad || !Allowed(field->type, op->op)) {
      return Unexpected(op_token, std::string(OpsOf(field->type)) + " after \"" + Since(name, op_token.offset) + "\"");
    }
    if (absl::Status s = Values(*field, name, op_token, op->op, compare); !s.ok()) return s;
    absl::StatusOr<ExprPtr> expr = Node(Expr::Kind::kCompare, {}, std::move(compare), name);
    if (!expr.ok() || op->op != Op::kNotEqual) return expr;
    return Node(Expr::Kind::kNot, {*std::move(expr)}, {}, name);
  }

  absl::Status UnknownField(const Token& name) const {
    std::vector<std::string_view> names;
    for (const FieldInfo& field : Fields()) names.push_back(field.name);
    const std::string_view nearest = Nearest(name.text, names);
    return Error(name, Refusal::kUnknownField,
                 "unknown field " + Quoted(name.text) +
                     (nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?"));
  }

  // "[offset:length]" of bytes, "[name]" of headers and cookies.
  absl::Status Selector(const FieldInfo& field, const Token& name, Comparison& compare) {
    const bool keyed = field.id == FieldId::kHttpHeader || field.id == FieldId::kHttpCookie;
    const Token open = lexer_.Peek(LexMode::kSyntax);
    if (field.type != FieldType::kBytes && !keyed) return absl::OkStatus();
    const std::string form = keyed ? "[\"name\"]" : "[offset:length]";
    if (!open.Is("[")) return Unexpected(open, form + " after \"" + std::string(field.name) + "\"");
    lexer_.Take(LexMode::kSyntax);
    const absl::Status s = keyed ? Key(field, compare) : Slice(field, compare);
    if (!s.ok()) return s;
    const Token close = lexer_.Take(LexMode::kSyntax);
    if (!close.Is("]")) return Unexpected(close, "\"]\" after \"" + Since(name, close.offset) + "\"");
    return absl::OkStatus();
  }

  absl::Status Key(const FieldInfo& field, Comparison& compare) {
    constexpr size_t kMaxKey = 64;
    const Token token = lexer_.Take(LexMode::kSyntax);
    if (token.kind != TokenKind::kString) return Unexpected(token, "a name in double quotes");
    if (token.value.size() > kMaxKey) {
      return Error(token, Refusal::kOverBound, "this name is longer than " + std::to_string(kMaxKey) + " bytes");
    }
    if (!IsHeaderToken(token.value)) return Unexpected(token, "a name of letters, digits and !#$%&'*+-.^_`|~");
    // Names of headers don't depend on case, names of cookies do.
    compare.key = field.id == FieldId::kHttpHeader ? AsciiLower(token.value) : token.value;
    return absl::OkStatus();
  }

  absl::Status Slice(const FieldInfo& field, Comparison& compare) {
    const Token offset_token = lexer_.Take(LexMode::kSyntax);
    const std::optional<ParsedNumber> offset = ParseNumber(offset_token.text);
    if (offset_token.kind != TokenKind::kWord || !offset.has_value()) {
      return Unexpected(offset_token, "an offset from 0 to " + std::to_string(field.max));
    }
    const Token colon = lexer_.Take(LexMode::kSyntax);
    if (!colon.Is(":")) return Unexpected(colon, "\":\" and a length after the offset");
    const Token length_token = lexer_.Take(LexMode::kSyntax);
    const std::optional<ParsedNumber> length = ParseNumber(length_token.text);
    if (length_token.kind != TokenKind::kWord || !length.has_value()) {
      return Unexpected(length_token, "a length from 1 to " + std::to_string(kMaxByteLength));
    }
    if (length->overflow || length->value == 0 || length->value > kMaxByteLength) {
      return Error(
          length_token, Refusal::kOutOfRange,
          "expected a length from 1 to " + std::to_string(kMaxByteLength) + ", got " + Quoted(length_token.text));
    }
    if (offset->overflow || offset->value > field.max || offset->value + length->value - 1 > field.max) {
      return Error(offset_token, Refusal::kOutOfRange,
                   "the last byte that \"" + std::string(field.name) + "\" reaches is " + std::to_string(field.max) +
                       ", and this reads on behind it");
    }
    compare.offset = static_cast<uint32_t>(offset->value);
    compare.length = static_cast<uint32_t>(length->value);
    return absl::OkStatus();
  }

  absl::Status Mask(const FieldInfo& field, const Token& name, Comparison& compare) {
    const Token ampersand = lexer_.Peek(LexMode::kSyntax);
    if (!ampersand.Is("&")) return absl::OkStatus();
    if (field.type != FieldType::kFlags && field.type != FieldType::kBytes) {
      return Error(ampersand, Refusal::kMalformed,
                   "\"" + std::string(field.name) + "\" can't be masked; only flags and bytes can (\"and\" is \"&&\")");
    }
    lexer_.Take(LexMode::kSyntax);
    const absl::StatusOr<uint64_t> mask = ValueParser(lexer_, compare, Since(name, ampersand.end())).Mask();
    if (!mask.ok()) return mask.status();
    compare.mask = *mask;
    return absl::OkStatus();
  }

  absl::Status Values(const FieldInfo& field, const Token& name, const Token& op_token, Op op, Comparison& compare) {
    ValueParser values(lexer_, compare, Since(name, op_token.end()));
    if (IsOrder(op)) return Order(field, op, values, compare);
    compare.glob = op == Op::kMatches;
    const Token open = lexer_.Peek(LexMode::kValue);
    if (!open.Is("{")) return values.Member();
    if (op != Op::kIn && op != Op::kMatches) {
      return Error(open, Refusal::kMalformed, "a set needs \"in\": expected " + values.Expectation() + ", got \"{\"");
    }
    lexer_.Take(LexMode::kValue);
    for (size_t members = 1;; ++members) {
      if (members > kMaxSetSize) {
        return Error(lexer_.Peek(LexMode::kValue), Refusal::kOverBound,
                     "more than " + std::to_string(kMaxSetSize) + " members in a set; split the rule");
      }
      if (absl::Status s = values.Member(); !s.ok()) return s;
      const Token next = lexer_.Take(LexMode::kSyntax);
      if (next.Is("}")) return absl::OkStatus();
      if (!next.Is(",")) return Unexpected(next, "\",\" or \"}\" in the set");
    }
  }

  absl::Status Order(const FieldInfo& field, Op op, ValueParser& values, const Comparison& compare) {
    const Token at = lexer_.Peek(LexMode::kValue);
    const absl::StatusOr<uint64_t> value = values.Scalar();
    if (!value.ok()) return value.status();
    const uint64_t max = MaxValue(compare);
    if ((op == Op::kLess && *value == 0) || (op == Op::kGreater && *value == max)) {
      return Error(at, Refusal::kOutOfRange,
                   "this is never true: \"" + std::string(field.name) + "\" is from 0 to " + std::to_string(max));
    }
    switch (op) {
      case Op::kLess:
        return values.Range(at.offset, {0, *value - 1});
      case Op::kLessEqual:
        return values.Range(at.offset, {0, *value});
      case Op::kGreater:
        return values.Range(at.offset, {*value + 1, max});
      default:
        return values.Range(at.offset, {*value, max});
    }
  }

  // What is written from `from` up to `end`, for messages.
  std::string Since(const Token& from, size_t end) const {
    constexpr size_t kMaxShown = 60;
    std::string_view written = lexer_.text().substr(from.offset, end - from.offset);
    while (!written.empty() && (written.back() == ' ' || written.back() == '\t')) written.remove_suffix(1);
    if (written.size() > kMaxShown) return std::string(Field(FindField(AsciiLower(from.text))->id).name);
    return std::string(written);
  }

  Lexer lexer_;
  size_t nodes_ = 0;
};

}  // namespace

absl::StatusOr<ExprPtr> ParseExpr(std::string_view text) {
  if (text.size() > kMaxExprText) {
    return RefusalError(Refusal::kOverBound, "the match has " + std::to_string(text.size()) + " bytes, the limit is " +
                                                 std::to_string(kMaxExprText) + "; split the rule");
  }
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return Lexer(text).ErrorAt(0, Refusal::kMalformed,
                               "the match is empty: expected a comparison such as udp.srcport == 53");
  }
  absl::StatusOr<ExprPtr> parsed = Parser(text).Parse();
  if (!parsed.ok()) return parsed;
  ExprPtr normal = Normalise(**parsed);
  if (absl::Status s = CheckBounds(*normal); !s.ok()) return s;
  return normal;
}

}  // namespace breakwater::rule
