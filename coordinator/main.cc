// breakwater-coordinator: the one process that sees the whole network.
#include "CLI/CLI.hpp"
#include "common/service/program.h"
#include "coordinator/app/commands.h"

int main(int argc, char** argv) {
  using namespace breakwater;
  CLI::App program("Breakwater coordinator: merges what edges see and brings them their rules.",
                   "breakwater-coordinator");
  return service::RunProgram(program, {coordinator::AddRunCommand(program), service::AddVersionCommand(program)}, argc,
                             argv);
}
