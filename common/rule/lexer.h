// Splits the text of a match into tokens, one at a time: whether ":" and "/" belong to a word depends on whether a
// value is expected, so the parser says which it wants.
//
//   Lexer lexer("ip.dst == 2001:db8::/32");
//   lexer.Take(LexMode::kSyntax);  // word "ip.dst"
//   lexer.Take(LexMode::kSyntax);  // symbol "=="
//   lexer.Take(LexMode::kValue);   // word "2001:db8::/32"
//
// Never fails: what can't be a token is one of kind kBad. Tokens point into the text, which has to outlive them.
// Not thread-safe.
#ifndef BREAKWATER_COMMON_RULE_LEXER_H_
#define BREAKWATER_COMMON_RULE_LEXER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/rule/refusal.h"

namespace breakwater::rule {

enum class LexMode {
  kSyntax,  // words are [A-Za-z0-9_.]
  kValue,   // words are [A-Za-z0-9_.:/%-]
};

enum class TokenKind { kEnd, kWord, kString, kSymbol, kBad };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // as written
  size_t offset = 0;      // of its first byte
  std::string value;      // kString: without quotes and escapes. kBad: what is wrong with it.

  size_t end() const { return offset + text.size(); }
  bool Is(std::string_view symbol) const { return kind == TokenKind::kSymbol && text == symbol; }
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Token Peek(LexMode mode) const;
  Token Take(LexMode mode);
  std::string_view text() const { return text_; }

  // 1-based, in characters; a line end is one.
  int Column(size_t offset) const;
  // "column 12: MESSAGE", the part of the text around offset, and a caret under it.
  absl::Status ErrorAt(size_t offset, Refusal refusal, std::string_view message) const;

 private:
  std::string_view text_;
  size_t position_ = 0;
  // Column() counts on from where it was asked last, which is mostly just before.
  mutable size_t counted_bytes_ = 0;
  mutable size_t counted_characters_ = 0;
};

// For messages: "the end", or the token quoted.
std::string Describe(const Token& token);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_LEXER_H_
