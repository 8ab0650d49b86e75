#include "common/rule/glob.h"

#include "common/rule/text.h"

namespace breakwater::rule {

bool GlobMatches(std::string_view glob, std::string_view text) {
  // After the last "*": where the glob goes on, and where in the text its attempt began.
  size_t star = std::string_view::npos;
  size_t attempt = 0;
  size_t g = 0;
  size_t t = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = ++g;
      attempt = t;
    } else if (g < glob.size() && glob[g] == '?') {
      ++g;
      t += CharacterLength(text.substr(t));
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      attempt += CharacterLength(text.substr(attempt));
      t = attempt;
      g = star;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace breakwater::rule
