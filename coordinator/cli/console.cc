#include "coordinator/cli/console.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "absl/time/clock.h"

namespace breakwater::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

bool WaitOrInterrupt(absl::Duration duration) {
  // Only who waits handles the signal; everything else ends by it, as programs do.
  struct sigaction mine = {};
  struct sigaction before = {};
  mine.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &mine, &before);
  timespec rest = absl::ToTimespec(duration);
  while (!interrupted && nanosleep(&rest, &rest) != 0) {
  }
  sigaction(SIGINT, &before, nullptr);
  return !interrupted;
}

size_t TerminalWidth() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

}  // namespace

Console RealConsole() {
  const bool out_is_terminal = isatty(STDOUT_FILENO) == 1;
  return {.in = std::cin,
          .out = std::cout,
          .err = std::cerr,
          .in_is_terminal = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1,
          .out_is_terminal = out_is_terminal,
          .width = out_is_terminal ? TerminalWidth() : 0,
          .getenv = [](std::string_view name) -> std::optional<std::string> {
            const char* value = std::getenv(std::string(name).c_str());
            if (value == nullptr || *value == '\0') return std::nullopt;
            return std::string(value);
          },
          .now = [] { return absl::Now(); },
          .wait = WaitOrInterrupt};
}

}  // namespace breakwater::cli
