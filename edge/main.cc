// breakwater-edge: one edge of the network, and the tools that look at it.
#include <vector>

#include "CLI/CLI.hpp"
#include "edge/app/commands.h"
#include "edge/command.h"
#include "edge/replay/command.h"

int main(int argc, char** argv) {
  CLI::App program("Breakwater edge: finds attacks in the traffic of its interfaces and drops their packets.",
                   "breakwater-edge");
  program.require_subcommand(1);
  const std::vector<breakwater::Command> commands = {
      breakwater::app::AddRunCommand(program),       breakwater::app::AddStatusCommand(program),
      breakwater::app::AddRulesCommand(program),     breakwater::app::AddAttacksCommand(program),
      breakwater::app::AddPanicCommand(program),     breakwater::app::AddDrainCommand(program),
      breakwater::app::AddUndrainCommand(program),   breakwater::app::AddWithdrawCommand(program),
      breakwater::replay::AddReplayCommand(program), breakwater::app::AddVersionCommand(program),
  };
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    constexpr int kUsage = 64;  // EX_USAGE of sysexits.h
    return program.exit(error) == 0 ? 0 : kUsage;
  }
  for (const breakwater::Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return 0;
}
