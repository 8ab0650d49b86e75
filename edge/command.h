// A subcommand of breakwater-edge. A folder that offers one exports a function which adds its options to the program
// and says how to run it; main.cc lists those functions.
//
//   Command AddReplayCommand(CLI::App& program) {
//     auto options = std::make_shared<ReplayOptions>();
//     CLI::App* command = program.add_subcommand("replay", "what Breakwater would do with captures");
//     command->add_option("files", options->files);
//     return {command, [options] { return RunReplay(*options); }};
//   }
#ifndef BREAKWATER_EDGE_COMMAND_H_
#define BREAKWATER_EDGE_COMMAND_H_

#include <functional>

#include "CLI/App.hpp"

namespace breakwater {

struct Command {
  CLI::App* app = nullptr;   // the subcommand; owned by the program
  std::function<int()> run;  // called once the command line is parsed; returns the exit status
};

}  // namespace breakwater

#endif  // BREAKWATER_EDGE_COMMAND_H_
