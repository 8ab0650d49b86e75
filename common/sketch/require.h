// Ends the program when code (not input) is wrong: a sketch made with parameters that no caller may pass.
//
//   Require(k >= 1, "Misra-Gries: k must be 1 or more");
#ifndef BREAKWATER_COMMON_SKETCH_REQUIRE_H_
#define BREAKWATER_COMMON_SKETCH_REQUIRE_H_

#include <cstdio>
#include <cstdlib>

namespace breakwater::sketch {

inline void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace breakwater::sketch

#endif  // BREAKWATER_COMMON_SKETCH_REQUIRE_H_
