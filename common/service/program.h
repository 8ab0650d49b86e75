// What the command line of a program with subcommands is made of. A folder that offers a subcommand exports a function
// which adds its options to the program and says how to run it; main.cc lists those functions.
//
//   Command AddReplayCommand(CLI::App& program) {
//     auto options = std::make_shared<ReplayOptions>();
//     CLI::App* command = program.add_subcommand("replay", "what Breakwater would do with captures");
//     command->add_option("files", options->files);
//     return {command, [options] { return RunReplay(*options); }};
//   }
//   int main(int argc, char** argv) {
//     CLI::App program("…", "breakwater-edge");
//     return RunProgram(program, {AddReplayCommand(program), AddVersionCommand(program)}, argc, argv);
//   }
#ifndef BREAKWATER_COMMON_SERVICE_PROGRAM_H_
#define BREAKWATER_COMMON_SERVICE_PROGRAM_H_

#include <functional>
#include <vector>

#include "CLI/App.hpp"

namespace breakwater::service {

struct Command {
  CLI::App* app = nullptr;   // the subcommand; owned by the program
  std::function<int()> run;  // called once the command line is parsed; returns the exit status
};

Command AddVersionCommand(CLI::App& program);  // version [--json]

// Parses the command line and runs the subcommand it names. Returns the exit status: the command's, or 64 (EX_USAGE) for a
// wrong command line.
int RunProgram(CLI::App& program, const std::vector<Command>& commands, int argc, char** argv);

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_PROGRAM_H_
