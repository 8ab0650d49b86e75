// breakwater-edge: one edge of the network, and the tools that look at it.
#include "CLI/CLI.hpp"
#include "common/service/program.h"
#include "edge/app/commands.h"
#include "edge/replay/command.h"

int main(int argc, char** argv) {
  using namespace breakwater;
  CLI::App program("Breakwater edge: finds attacks in the traffic of its interfaces and drops their packets.",
                   "breakwater-edge");
  return service::RunProgram(
      program,
      {app::AddRunCommand(program), app::AddStatusCommand(program), app::AddRulesCommand(program),
       app::AddAttacksCommand(program), app::AddPanicCommand(program), app::AddDrainCommand(program),
       app::AddUndrainCommand(program), app::AddWithdrawCommand(program), replay::AddReplayCommand(program),
       service::AddVersionCommand(program)},
      argc, argv);
}
