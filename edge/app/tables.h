// The admin socket's JSON as text for a terminal.
//
//   std::cout << StatusText(body);
//
// Pure. An error means that the JSON isn't what this version knows; it names the key.
#ifndef BREAKWATER_EDGE_APP_TABLES_H_
#define BREAKWATER_EDGE_APP_TABLES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace breakwater::app {

absl::StatusOr<std::string> StatusText(std::string_view json);
absl::StatusOr<std::string> RulesText(std::string_view json);
absl::StatusOr<std::string> AttacksText(std::string_view json);

// "950", "12.3k", "4.57M": three digits.
std::string ShortNumber(double n);
// "45s", "3m05s", "2h10m", "3d04h".
std::string ShortDuration(double seconds);
// Columns as wide as their widest cell, two spaces between them, none behind the last.
std::string Table(const std::vector<std::vector<std::string>>& rows);

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_TABLES_H_
