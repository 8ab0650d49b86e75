// Text of anyone for a view: well-formed UTF-8 (or a reader refuses the whole message) and no longer than its bound.
//
//   view.add_needs_you(Presentable(text, 256));
//
// Pure and thread-safe.
#ifndef BREAKWATER_COORDINATOR_CONTROL_PRESENTABLE_H_
#define BREAKWATER_COORDINATOR_CONTROL_PRESENTABLE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "common/rule/text.h"

namespace breakwater::coordinator {

// Cut between characters; a byte that is no character becomes "?".
inline std::string Presentable(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, rule::CharacterLength(text));
    const bool valid = rule::IsUtf8(character);
    if (out.size() + (valid ? character.size() : 1) > max_bytes) break;
    out += valid ? character : std::string_view("?");
    text.remove_prefix(valid ? character.size() : 1);
  }
  return out;
}

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_CONTROL_PRESENTABLE_H_
