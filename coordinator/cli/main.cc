// bwctl: a person's, or a script's, hand on a Breakwater coordinator.
#include <csignal>
#include <string>
#include <vector>

#include "coordinator/cli/console.h"
#include "coordinator/cli/grpc_client.h"
#include "coordinator/cli/run.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // "bwctl rule list | head" is told by its streams
  breakwater::cli::Console console = breakwater::cli::RealConsole();
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return breakwater::cli::RunBwctl(words, console, breakwater::cli::ConnectGrpc);
}
