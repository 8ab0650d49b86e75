// The subcommands of breakwater-edge that concern the daemon. main.cc adds them to the program.
#ifndef BREAKWATER_EDGE_APP_COMMANDS_H_
#define BREAKWATER_EDGE_APP_COMMANDS_H_

#include "edge/command.h"

namespace breakwater::app {

Command AddVersionCommand(CLI::App& program);  // version [--json]

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_COMMANDS_H_
