// breakwater-coordinator: the one process that sees the whole network.
#include <vector>

#include "CLI/CLI.hpp"
#include "coordinator/app/commands.h"

int main(int argc, char** argv) {
  CLI::App program("Breakwater coordinator: merges what edges see and brings them their rules.",
                   "breakwater-coordinator");
  program.require_subcommand(1);
  const std::vector<breakwater::coordinator::ProgramCommand> commands = {
      breakwater::coordinator::AddRunCommand(program), breakwater::coordinator::AddVersionCommand(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    constexpr int kUsage = 64;  // EX_USAGE of sysexits.h
    return program.exit(error) == 0 ? 0 : kUsage;
  }
  for (const breakwater::coordinator::ProgramCommand& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return 0;
}
