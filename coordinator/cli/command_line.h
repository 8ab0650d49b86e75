// One table of commands, and everything that is made from it: the parser, its help, shell completion.
//
//   ParsedLine line = ParseLine({"rule", "show", "op-1"});
//   if (line.command == nullptr) { out << line.out; err << line.err; return line.exit_status; }
//   return line.command->run(session);
//
// A new command is a row in Commands() (commands.cc). No command line, however broken, throws or ends the program. Pure.
#ifndef BREAKWATER_COORDINATOR_CLI_COMMAND_LINE_H_
#define BREAKWATER_COORDINATOR_CLI_COMMAND_LINE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace breakwater::cli {

struct Session;

struct OptionSpec {
  enum class Kind { kFlag, kText, kList, kDuration, kNumber };  // a list is given once for each of its items
  std::string_view names;                                       // "-w,--watch"; the long one is what Values knows
  Kind kind = Kind::kText;
  std::string_view value;  // what its help calls it: "FILE"
  std::string_view help;
  std::vector<std::string_view> choices = {};  // when it is one of a few words
  double least = 0;                            // of a number, or of a duration in seconds
  double most = 0;
  bool is_file = false;
};

// A positional argument; all are required, and there is one value for each.
struct ArgumentSpec {
  std::string_view name;  // "ID"
  std::string_view help;
  std::vector<std::string_view> choices = {};
};

struct CommandSpec {
  std::string_view path;     // "rule create"
  std::string_view summary;  // one line
  std::vector<ArgumentSpec> arguments = {};
  std::vector<OptionSpec> options = {};
  std::string_view examples = {};  // one a line
  int (*run)(Session& session) = nullptr;
  bool watchable = false;  // it may run again and again, and changes nothing
  bool local = false;      // needs no coordinator
};

// commands.cc.
const std::vector<CommandSpec>& Commands();
const std::vector<OptionSpec>& GlobalOptions();
// Summary of a first word that has commands below it ("rule").
std::string_view GroupSummary(std::string_view group);

// "--watch" of "-w,--watch".
std::string_view LongName(const OptionSpec& option);
// "-w", or empty.
std::string_view ShortName(const OptionSpec& option);

// What was given, checked against the specs. Options are known by long name, arguments by their name.
class Values {
 public:
  bool Has(std::string_view name) const { return values_.contains(name); }
  std::string Text(std::string_view name, std::string_view otherwise = "") const;
  std::vector<std::string> List(std::string_view name) const;
  double Number(std::string_view name, double otherwise) const;
  absl::Duration DurationOf(std::string_view name, absl::Duration otherwise) const;

  void Set(std::string name, std::vector<std::string> values) { values_[std::move(name)] = std::move(values); }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

inline constexpr int kUsage = 64;  // EX_USAGE of sysexits.h

struct ParsedLine {
  const CommandSpec* command = nullptr;  // null: there is nothing to run, but to print
  Values values;
  int exit_status = 0;
  std::string out;
  std::string err;
};

// Without the program's name. At most 4096 words; more is a mistake.
ParsedLine ParseLine(const std::vector<std::string>& words);

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_COMMAND_LINE_H_
