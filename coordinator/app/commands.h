// The subcommands of breakwater-coordinator. main.cc adds them to the program.
//
// Exit statuses: 0 fine, 1 failed, 64 wrong command line.
#ifndef BREAKWATER_COORDINATOR_APP_COMMANDS_H_
#define BREAKWATER_COORDINATOR_APP_COMMANDS_H_

#include <functional>

#include "CLI/App.hpp"

namespace breakwater::coordinator {

struct ProgramCommand {
  CLI::App* app = nullptr;   // the subcommand; owned by the program
  std::function<int()> run;  // called once the command line is parsed; returns the exit status
};

ProgramCommand AddRunCommand(CLI::App& program);      // run --config FILE [--check-config]
ProgramCommand AddVersionCommand(CLI::App& program);  // version [--json]

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_APP_COMMANDS_H_
