// Globs over text: "*" is any run of characters, "?" any one character, everything else itself.
//
//   GlobMatches("/wp-*.php", "/wp-login.php")   // true
//
// Only the run of the last "*" reached is ever lengthened, so the time is at most the product of the two lengths, whatever
// they hold. Characters are UTF-8; a byte that belongs to none is one. Thread-safe.
#ifndef BREAKWATER_COMMON_RULE_GLOB_H_
#define BREAKWATER_COMMON_RULE_GLOB_H_

#include <string_view>

namespace breakwater::rule {

bool GlobMatches(std::string_view glob, std::string_view text);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_GLOB_H_
