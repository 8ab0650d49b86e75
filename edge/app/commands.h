// The subcommands of breakwater-edge that concern the daemon. main.cc adds them to the program.
//
// Exit statuses: 0 fine, 1 failed, 4 not allowed, 6 nobody answers, 64 wrong command line.
#ifndef BREAKWATER_EDGE_APP_COMMANDS_H_
#define BREAKWATER_EDGE_APP_COMMANDS_H_

#include "common/service/program.h"

namespace breakwater::app {

using service::Command;

Command AddRunCommand(CLI::App& program);       // run --config FILE [--check-config]
Command AddStatusCommand(CLI::App& program);    // status [--socket PATH] [--json]
Command AddRulesCommand(CLI::App& program);     // rules …
Command AddAttacksCommand(CLI::App& program);   // attacks …
Command AddPanicCommand(CLI::App& program);     // panic on|off [--reason TEXT] …
Command AddDrainCommand(CLI::App& program);     // drain [--reason TEXT] …
Command AddUndrainCommand(CLI::App& program);   // undrain …
Command AddWithdrawCommand(CLI::App& program);  // withdraw --config FILE

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_COMMANDS_H_
