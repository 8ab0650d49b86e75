#include "common/rule/lexer.h"

#include <algorithm>
#include <cstdint>

#include "common/rule/text.h"

namespace breakwater::rule {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool IsWord(char c, LexMode mode) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.') return true;
  return mode == LexMode::kValue && (c == ':' || c == '/' || c == '%' || c == '-');
}

// Longest first.
constexpr std::string_view kSymbols[] = {"==", "!=", "<=", ">=", "&&", "||", "..", "<", ">", "&",
                                         "|",  "!",  "(",  ")",  "[",  "]",  "{",  "}", ",", ":"};

Token String(std::string_view text, size_t start) {
  Token token{TokenKind::kString, {}, start, {}};
  size_t i = start + 1;
  while (i < text.size() && text[i] != '"') {
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    if (byte < 0x20 || byte == 0x7f) {
      return {TokenKind::kBad, text.substr(i, 1), i, "strings can't hold control characters"};
    }
    if (text[i] == '\\') {
      if (i + 1 >= text.size() || (text[i + 1] != '"' && text[i + 1] != '\\')) {
        return {TokenKind::kBad, text.substr(i, 2), i, "expected \\\" or \\\\ (the only escapes in strings)"};
      }
      ++i;
    }
    token.value += text[i++];
  }
  if (i >= text.size()) return {TokenKind::kBad, text.substr(start), start, "this string has no closing \""};
  token.text = text.substr(start, i + 1 - start);
  if (!IsUtf8(token.value)) return {TokenKind::kBad, token.text, start, "this string isn't UTF-8"};
  return token;
}

}  // namespace

Token Lexer::Peek(LexMode mode) const {
  size_t i = position_;
  while (i < text_.size() && IsSpace(text_[i])) ++i;
  if (i == text_.size()) return {TokenKind::kEnd, text_.substr(i), i, {}};
  if (text_[i] == '"') return String(text_, i);

  const std::string_view rest = text_.substr(i);
  if (!rest.starts_with("..")) {
    size_t length = 0;
    while (length < rest.size() && IsWord(rest[length], mode) && !rest.substr(length).starts_with("..")) ++length;
    if (length > 0) return {TokenKind::kWord, rest.substr(0, length), i, {}};
  }
  for (const std::string_view symbol : kSymbols) {
    if (rest.starts_with(symbol)) return {TokenKind::kSymbol, rest.substr(0, symbol.size()), i, {}};
  }
  const std::string_view character = rest.substr(0, CharacterLength(rest));
  std::string problem = "unexpected character " + Quoted(character);
  if (character == "=") problem = "expected \"==\", got \"=\"";
  if (character == "'") problem = "expected a double quote (\"), got \"'\"";
  return {TokenKind::kBad, character, i, problem};
}

Token Lexer::Take(LexMode mode) {
  Token token = Peek(mode);
  position_ = token.end();
  return token;
}

int Lexer::Column(size_t offset) const {
  if (offset < counted_bytes_) counted_bytes_ = counted_characters_ = 0;
  while (counted_bytes_ < offset) {
    counted_bytes_ += CharacterLength(text_.substr(counted_bytes_));
    ++counted_characters_;
  }
  return static_cast<int>(counted_characters_) + 1;
}

absl::Status Lexer::ErrorAt(size_t offset, Refusal refusal, std::string_view message) const {
  // Of a long text only what stands around the place, cut between characters.
  constexpr size_t kAround = 60;
  const auto continues = [&](size_t i) { return i < text_.size() && (static_cast<uint8_t>(text_[i]) & 0xc0) == 0x80; };
  size_t from = offset > kAround ? offset - kAround : 0;
  size_t to = std::min(text_.size(), offset + kAround);
  while (continues(from)) ++from;
  while (continues(to)) ++to;
  from = std::min(from, offset);

  std::string line = from > 0 ? "..." : "";
  size_t caret = line.size();
  for (size_t i = from; i < to;) {
    const size_t length = CharacterLength(text_.substr(i));
    const std::string_view character = text_.substr(i, length);
    if (i < offset) ++caret;
    line += IsPrintable(character) ? std::string(character) : " ";
    i += length;
  }
  if (to < text_.size()) line += "...";
  return RefusalError(refusal, "column " + std::to_string(Column(offset)) + ": " + std::string(message) + "\n  " +
                                   line + "\n  " + std::string(caret, ' ') + "^");
}

std::string Describe(const Token& token) {
  if (token.kind == TokenKind::kEnd) return "the end";
  if (token.kind == TokenKind::kString) return "the string " + Quoted(token.value);
  return Quoted(token.text);
}

}  // namespace breakwater::rule
