// Everything of the world that a command touches besides the coordinator: streams, the terminal, the clock, patience.
//
//   Console console = RealConsole();
//   console.out << table.Text(style);
//
// Tests fill in their own. Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_CLI_CONSOLE_H_
#define BREAKWATER_COORDINATOR_CLI_CONSOLE_H_

#include <cstddef>
#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "coordinator/cli/connection.h"

namespace breakwater::cli {

struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;  // and err too: somebody can be asked
  bool out_is_terminal = false;
  size_t width = 0;  // of the terminal behind out; 0 = none
  GetEnv getenv;
  std::function<absl::Time()> now;
  // Waits until then or until somebody interrupts; false: interrupted.
  std::function<bool(absl::Duration)> wait;
};

Console RealConsole();

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_CONSOLE_H_
