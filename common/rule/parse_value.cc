#include "common/rule/parse_value.h"

#include <charconv>
#include <optional>
#include <utility>

#include "common/rule/normalise.h"
#include "common/rule/text.h"

namespace breakwater::rule {
namespace {

std::string FlagList(FieldId field) {
  std::string out;
  for (const FlagName& flag : FlagNames(field)) {
    if (!out.empty()) out += ", ";
    out += flag.name;
  }
  return out;
}

std::optional<uint8_t> HexPair(std::string_view text) {
  uint8_t byte = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), byte, 16);
  if (text.size() != 2 || ec != std::errc() || end != text.data() + 2) return std::nullopt;
  return byte;
}

}  // namespace

std::optional<ParsedNumber> ParseNumber(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    return std::nullopt;  // octal in some languages, decimal in others
  }
  ParsedNumber number;
  const char* last = text.data() + text.size();
  const auto [end, ec] = std::from_chars(text.data(), last, number.value, base);
  if (text.empty() || text[0] == '-' || end != last) return std::nullopt;
  number.overflow = ec == std::errc::result_out_of_range;
  return number;
}

absl::Status ValueParser::Unexpected(const Token& got, Refusal refusal) const {
  if (got.kind == TokenKind::kBad) return lexer_.ErrorAt(got.offset, Refusal::kMalformed, got.value);
  return lexer_.ErrorAt(got.offset, refusal,
                        "expected " + Expectation() + " after \"" + after_ + "\", got " + Describe(got));
}

std::string ValueParser::Expectation() const {
  const FieldInfo& field = Field(compare_.field);
  switch (field.type) {
    case FieldType::kNumber:
      return "a number from 0 to " + std::to_string(field.max);
    case FieldType::kFlags:
      return "flags (" + FlagList(field.id) + ", joined by \"|\") or a number from 0 to " + std::to_string(field.max);
    case FieldType::kBytes:
      if (compare_.length == 1) return "one byte as a hexadecimal pair, such as 0a";
      return std::to_string(compare_.length) + " bytes as hexadecimal pairs joined by \":\", such as de:ad";
    case FieldType::kAddress:
      return "an IP address or prefix, such as 192.0.2.0/24 or 2001:db8::/32";
    case FieldType::kString:
      return "a string in double quotes of at most " + std::to_string(field.max) + " bytes";
    case FieldType::kCountry:
      return "a two-letter country code in double quotes, such as \"NL\"";
  }
  return "a value";
}

absl::StatusOr<uint64_t> ValueParser::Number(uint64_t max, std::string_view expectation) {
  const Token token = lexer_.Take(LexMode::kValue);
  const auto unexpected = [&](Refusal refusal, std::string_view got) {
    return lexer_.ErrorAt(
        token.offset, refusal,
        "expected " + std::string(expectation) + " after \"" + after_ + "\", got " + std::string(got));
  };
  if (token.kind == TokenKind::kBad) return lexer_.ErrorAt(token.offset, Refusal::kMalformed, token.value);
  if (token.kind != TokenKind::kWord) return unexpected(Refusal::kMalformed, Describe(token));
  const std::optional<ParsedNumber> number = ParseNumber(token.text);
  if (!number.has_value()) {
    const bool octal = token.text.size() > 1 && token.text.find_first_not_of("0123456789") == std::string_view::npos;
    return unexpected(Refusal::kMalformed, Describe(token) + (octal ? " (numbers have no leading zeros)" : ""));
  }
  if (number->overflow || number->value > max) return unexpected(Refusal::kOutOfRange, token.text.substr(0, 40));
  return number->value;
}

absl::StatusOr<uint64_t> ValueParser::Flags() {
  const Token first = lexer_.Peek(LexMode::kValue);
  if (first.kind == TokenKind::kWord && first.text[0] >= '0' && first.text[0] <= '9') {
    return Number(Field(compare_.field).max, Expectation());
  }
  uint64_t value = 0;
  while (true) {
    const Token token = lexer_.Take(LexMode::kValue);
    if (token.kind != TokenKind::kWord) return Unexpected(token);
    const std::string name = AsciiLower(token.text);
    uint64_t bit = 0;
    for (const FlagName& flag : FlagNames(compare_.field)) {
      if (flag.name == name) bit = flag.bit;
    }
    if (bit == 0) return Unexpected(token);
    value |= bit;
    if (!lexer_.Peek(LexMode::kValue).Is("|")) return value;
    lexer_.Take(LexMode::kValue);
  }
}

absl::StatusOr<uint64_t> ValueParser::Bytes() {
  const Token token = lexer_.Take(LexMode::kValue);
  if (token.kind != TokenKind::kWord) return Unexpected(token);
  uint64_t value = 0;
  uint32_t count = 0;
  std::string_view rest = token.text;
  while (true) {
    const size_t colon = rest.find(':');
    const std::optional<uint8_t> byte = HexPair(rest.substr(0, colon));
    if (!byte.has_value() || ++count > compare_.length) return Unexpected(token);
    value = value << 8 | *byte;
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (count != compare_.length) return Unexpected(token);
  return value;
}

absl::StatusOr<uint64_t> ValueParser::Scalar() {
  const FieldInfo& field = Field(compare_.field);
  if (field.type == FieldType::kBytes) return Bytes();
  if (field.type == FieldType::kFlags) return Flags();
  return Number(field.max, Expectation());
}

absl::StatusOr<uint64_t> ValueParser::Mask() {
  const Token token = lexer_.Peek(LexMode::kValue);
  absl::StatusOr<uint64_t> mask = Scalar();
  if (mask.ok() && *mask == 0) {
    return lexer_.ErrorAt(token.offset, Refusal::kOutOfRange, "a mask of 0 leaves nothing to compare");
  }
  return mask;
}

absl::Status ValueParser::Member() {
  switch (Field(compare_.field).type) {
    case FieldType::kNumber:
    case FieldType::kFlags:
    case FieldType::kBytes:
      return IntervalMember();
    case FieldType::kAddress:
      return AddressMember();
    case FieldType::kString:
      return StringMember();
    case FieldType::kCountry:
      return CountryMember();
  }
  return absl::InternalError("unreachable");
}

absl::Status ValueParser::IntervalMember() {
  const Token start = lexer_.Peek(LexMode::kValue);
  const absl::StatusOr<uint64_t> lo = Scalar();
  if (!lo.ok()) return lo.status();
  if (!lexer_.Peek(LexMode::kSyntax).Is("..")) {
    if ((*lo & ~compare_.mask) != 0) {
      return lexer_.ErrorAt(start.offset, Refusal::kOutOfRange,
                            "this value has bits outside the mask, so it can never be equal");
    }
    compare_.intervals.push_back({*lo, *lo});
    return absl::OkStatus();
  }
  lexer_.Take(LexMode::kSyntax);
  const absl::StatusOr<uint64_t> hi = Scalar();
  if (!hi.ok()) return hi.status();
  if (*hi < *lo) {
    return lexer_.ErrorAt(start.offset, Refusal::kOutOfRange,
                          "this range ends before it begins; write the smaller value first");
  }
  return Range(start.offset, {*lo, *hi});
}

absl::Status ValueParser::Range(size_t offset, const Interval& range) {
  if (!WithinMask(range, compare_.mask).has_value()) {
    return lexer_.ErrorAt(offset, Refusal::kOutOfRange, "this range holds no value with bits only inside the mask");
  }
  compare_.intervals.push_back(range);
  return absl::OkStatus();
}

absl::Status ValueParser::AddressMember() {
  const Token token = lexer_.Take(LexMode::kValue);
  if (token.kind != TokenKind::kWord) return Unexpected(token);
  const absl::StatusOr<net::IpPrefix> prefix = net::IpPrefix::Parse(token.text);
  if (!prefix.ok()) {
    // The reason helps only when the text looks like an address at all.
    if (token.text.find('/') == std::string_view::npos || token.text.size() > 64) return Unexpected(token);
    return lexer_.ErrorAt(token.offset, Refusal::kMalformed,
                          "expected " + Expectation() + ": " + std::string(prefix.status().message()));
  }
  compare_.prefixes.push_back(*prefix);
  return absl::OkStatus();
}

absl::Status ValueParser::StringMember() {
  const Token token = lexer_.Take(LexMode::kValue);
  if (token.kind != TokenKind::kString) return Unexpected(token);
  if (token.value.size() > Field(compare_.field).max) return Unexpected(token, Refusal::kOverBound);
  // Names of hosts are compared in lower case, whatever was written.
  const bool fold = compare_.field == FieldId::kHttpHost || compare_.field == FieldId::kTlsSni;
  compare_.strings.push_back(fold ? AsciiLower(token.value) : token.value);
  return absl::OkStatus();
}

absl::Status ValueParser::CountryMember() {
  const Token token = lexer_.Take(LexMode::kValue);
  if (token.kind != TokenKind::kString) return Unexpected(token);
  const std::string lower = AsciiLower(token.value);
  if (lower.size() != 2 || lower[0] < 'a' || lower[0] > 'z' || lower[1] < 'a' || lower[1] > 'z') {
    return Unexpected(token);
  }
  compare_.strings.push_back({static_cast<char>(lower[0] - 'a' + 'A'), static_cast<char>(lower[1] - 'a' + 'A')});
  return absl::OkStatus();
}

}  // namespace breakwater::rule
