// breakwater-edge replay: the command line around replay.h.
#ifndef BREAKWATER_EDGE_REPLAY_COMMAND_H_
#define BREAKWATER_EDGE_REPLAY_COMMAND_H_

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "common/service/program.h"

namespace breakwater::replay {

using service::Command;

struct Arguments {
  bool json = false;
  std::vector<std::string> protect;  // prefixes
  bool auto_protect = false;
  std::vector<std::string> attack;  // files
  std::vector<std::string> clean;
  std::string rules;   // file; empty = none
  std::string config;  // file; empty = none
  uint64_t loop = 1;   // of attack files
  std::string engine = "native";
  bool compare_engines = false;
  bool no_detect = false;
  bool measure = false;
  bool events = false;
};

// The exit status: 0, or 1 when a file, a rule or the replay failed. The result goes to out, all else to err.
int RunReplay(const Arguments& arguments, std::ostream& out, std::ostream& err);

Command AddReplayCommand(CLI::App& program);

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_COMMAND_H_
