// breakwater-docgen: writes reference pages that are made from tables in the code.
//
//   breakwater-docgen fields > docs/reference/fields.md
#include <cstdio>
#include <string>
#include <string_view>

#include "common/rule/field_reference.h"

int main(int argc, char** argv) {
  if (argc != 2 || std::string_view(argv[1]) != "fields") {
    std::fputs("usage: breakwater-docgen fields > docs/reference/fields.md\n", stderr);
    return 64;
  }
  const std::string page = breakwater::rule::FieldReference();
  return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() && std::fflush(stdout) == 0 ? 0 : 1;
}
