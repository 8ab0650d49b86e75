// bwctl without its main(): a command line in, text and an exit status out.
//
//   Console console = RealConsole();
//   return RunBwctl({argv + 1, argv + argc}, console, ConnectGrpc);
//
// Throws nothing. Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_CLI_RUN_H_
#define BREAKWATER_COORDINATOR_CLI_RUN_H_

#include <string>
#include <vector>

#include "coordinator/cli/admin_client.h"
#include "coordinator/cli/console.h"

namespace breakwater::cli {

int RunBwctl(const std::vector<std::string>& words, Console& console, const ClientFactory& connect);

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_RUN_H_
