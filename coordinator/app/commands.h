// The subcommands of breakwater-coordinator. main.cc adds them to the program.
//
// Exit statuses: 0 fine, 1 failed, 64 wrong command line.
#ifndef BREAKWATER_COORDINATOR_APP_COMMANDS_H_
#define BREAKWATER_COORDINATOR_APP_COMMANDS_H_

#include "common/service/program.h"

namespace breakwater::coordinator {

service::Command AddRunCommand(CLI::App& program);  // run --config FILE [--check-config]

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_APP_COMMANDS_H_
