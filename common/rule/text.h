// Small text helpers of the rule language. Pure; thread-safe.
#ifndef BREAKWATER_COMMON_RULE_TEXT_H_
#define BREAKWATER_COMMON_RULE_TEXT_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace breakwater::rule {

std::string AsciiLower(std::string_view text);
// Well-formed UTF-8: no overlong forms, no surrogates, nothing over U+10FFFF.
bool IsUtf8(std::string_view text);
// Bytes of the character that text starts with, 1..4; a byte that begins no character is one by itself. text isn't
// empty.
size_t CharacterLength(std::string_view text);
// For messages: quoted, control characters escaped, cut after about 40 bytes.
std::string Quoted(std::string_view text);
// Well-formed UTF-8 without control characters (tabs and line ends are such too).
bool IsPrintable(std::string_view text);
// 1..max_size bytes of [a-z0-9._-].
bool IsIdentifier(std::string_view text, size_t max_size);
// The candidate that was probably meant; empty when none is near.
std::string_view Nearest(std::string_view text, std::span<const std::string_view> candidates);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_TEXT_H_
