// Shell completion, made from the table of commands.
//
//   out << BashCompletion();
//
// Completes commands, options and values that are one of a few words; file names where a file is expected. Pure.
#ifndef BREAKWATER_COORDINATOR_CLI_COMPLETION_H_
#define BREAKWATER_COORDINATOR_CLI_COMPLETION_H_

#include <string>

namespace breakwater::cli {

std::string BashCompletion();
std::string ZshCompletion();

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_COMPLETION_H_
