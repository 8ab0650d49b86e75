// Globs over text: "*" is any run of characters, "?" any one character, everything else itself.
//
//   GlobMatches("/wp-*.php", "/wp-login.php")   // true
//
// The shortest run that fits is taken for each "*" and never given back, so the time is at most the product of the two
// lengths whatever they hold. Thread-safe.
#ifndef BREAKWATER_COMMON_RULE_GLOB_H_
#define BREAKWATER_COMMON_RULE_GLOB_H_

#include <string_view>

namespace breakwater::rule {

bool GlobMatches(std::string_view glob, std::string_view text);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_GLOB_H_
