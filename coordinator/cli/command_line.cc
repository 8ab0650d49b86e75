#include "coordinator/cli/command_line.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <sstream>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/config.h"

namespace breakwater::cli {
namespace {

constexpr size_t kMaxWords = 4096;

std::string CheckChoice(const std::vector<std::string_view>& choices, const std::string& text) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return "";
  std::vector<std::string> names(choices.begin(), choices.end());
  return absl::StrCat("\"", text, "\" is none of ", absl::StrJoin(names, ", "));
}

std::string CheckDuration(const OptionSpec& option, const std::string& text) {
  const absl::StatusOr<absl::Duration> duration = config::ParseDuration(text);
  if (!duration.ok()) return std::string(duration.status().message());
  const double seconds = absl::ToDoubleSeconds(*duration);
  if (seconds >= option.least && seconds <= option.most) return "";
  return absl::StrCat(text, " is out of range; from ", absl::FormatDuration(absl::Seconds(option.least)), " to ",
                      absl::FormatDuration(absl::Seconds(option.most)));
}

std::string CheckNumber(const OptionSpec& option, const std::string& text) {
  double number = 0;
  if (!absl::SimpleAtod(text, &number) || !std::isfinite(number)) return absl::StrCat("\"", text, "\" is no number");
  if (number >= option.least && number <= option.most) return "";
  return absl::StrCat(text, " is out of range; from ", option.least, " to ", option.most);
}

CLI::Option* AddOption(CLI::App& app, const OptionSpec& option) {
  const std::string names(option.names);
  const std::string help(option.help);
  if (option.kind == OptionSpec::Kind::kFlag) return app.add_flag(names, help);
  CLI::Option* added = app.add_option(
      names, [](const CLI::results_t&) { return true; }, help);
  added->type_name(std::string(option.value))->expected(1)->allow_extra_args(false);
  if (option.kind == OptionSpec::Kind::kList) added->take_all();
  if (!option.choices.empty()) {
    added->check(CLI::Validator([&option](std::string& text) { return CheckChoice(option.choices, text); }, ""));
  }
  if (option.kind == OptionSpec::Kind::kDuration) {
    added->check(CLI::Validator([&option](std::string& text) { return CheckDuration(option, text); }, ""));
  }
  if (option.kind == OptionSpec::Kind::kNumber) {
    added->check(CLI::Validator([&option](std::string& text) { return CheckNumber(option, text); }, ""));
  }
  return added;
}

CLI::Option* AddArgument(CLI::App& app, const ArgumentSpec& argument) {
  CLI::Option* added = app.add_option(
      std::string(argument.name), [](const CLI::results_t&) { return true; }, std::string(argument.help));
  added->type_name("")->expected(1)->allow_extra_args(false)->required();
  if (!argument.choices.empty()) {
    added->check(CLI::Validator([&argument](std::string& text) { return CheckChoice(argument.choices, text); }, ""));
  }
  return added;
}

// The program as CLI11 knows it, and which of its options belong to which row of the table.
class Parser {
 public:
  Parser() : program_("bwctl asks a Breakwater coordinator what goes on, and tells it what to do.", "bwctl") {
    program_.require_subcommand(1);
    program_.footer(
        "Exit status: 0 fine, 1 failed, 3 not found, 4 not authorised, 5 stale, 6 not reachable or no answer "
        "in time,\n64 the command line is wrong, 130 interrupted. More: docs/reference/bwctl.md");
    for (const OptionSpec& option : GlobalOptions())
      globals_.emplace_back(LongName(option), AddOption(program_, option));
    for (const CommandSpec& command : Commands()) AddCommand(command);
  }

  void Parse(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    program_.parse(std::move(words));
  }

  const CommandSpec* Chosen(Values& values) const {
    Take(globals_, values);
    for (const Entry& entry : entries_) {
      if (!entry.app->parsed()) continue;
      Take(entry.options, values);
      return entry.spec;
    }
    return nullptr;
  }

  CLI::App& program() { return program_; }

 private:
  using Named = std::vector<std::pair<std::string_view, CLI::Option*>>;
  struct Entry {
    const CommandSpec* spec;
    CLI::App* app;
    Named options;
  };

  static void Take(const Named& options, Values& values) {
    for (const auto& [name, option] : options) {
      if (option->count() > 0) values.Set(std::string(name), option->results());
    }
  }

  void AddCommand(const CommandSpec& command) {
    CLI::App* parent = &program_;
    std::string_view name = command.path;
    if (const size_t space = name.find(' '); space != std::string_view::npos) {
      const std::string group(name.substr(0, space));
      name.remove_prefix(space + 1);
      CLI::App*& known = groups_[group];
      if (known == nullptr) {
        known = program_.add_subcommand(group, std::string(GroupSummary(group)));
        known->require_subcommand(1)->fallthrough();
      }
      parent = known;
    }
    CLI::App* app = parent->add_subcommand(std::string(name), std::string(command.summary));
    app->fallthrough();
    app->footer(absl::StrCat("Options of all commands (-o, -w, --server, ...): bwctl --help\n",
                             command.examples.empty() ? "" : "\nExamples:\n", std::string(command.examples)));
    Entry entry{&command, app, {}};
    for (const ArgumentSpec& argument : command.arguments) {
      entry.options.emplace_back(argument.name, AddArgument(*app, argument));
    }
    for (const OptionSpec& option : command.options)
      entry.options.emplace_back(LongName(option), AddOption(*app, option));
    entries_.push_back(std::move(entry));
  }

  CLI::App program_;
  Named globals_;
  std::map<std::string, CLI::App*> groups_;
  std::vector<Entry> entries_;
};

// The words that are neither options nor their values.
std::vector<std::string> PlainWords(const std::vector<std::string>& words) {
  const auto takes_value = [](const std::string& word) {
    const auto fits = [&](const OptionSpec& option) {
      return option.kind != OptionSpec::Kind::kFlag && (word == LongName(option) || word == ShortName(option));
    };
    const std::vector<OptionSpec>& globals = GlobalOptions();
    return std::any_of(globals.begin(), globals.end(), fits) ||
           std::any_of(Commands().begin(), Commands().end(), [&](const CommandSpec& command) {
             return std::any_of(command.options.begin(), command.options.end(), fits);
           });
  };
  std::vector<std::string> plain;
  for (size_t i = 0; i < words.size(); ++i) {
    if (takes_value(words[i])) {
      ++i;
    } else if (words[i].empty() || words[i].front() != '-') {
      plain.push_back(words[i]);
    }
  }
  return plain;
}

// What is wrong when the words name no command: which there are, and which was probably meant. Empty: they name one.
std::string NoSuchCommand(const std::vector<std::string>& words) {
  const std::vector<std::string> plain = PlainWords(words);
  const std::string group = plain.empty() ? "" : plain[0];
  std::vector<std::string_view> firsts;
  std::vector<std::string_view> seconds;
  for (const CommandSpec& command : Commands()) {
    const size_t space = command.path.find(' ');
    const std::string_view first = command.path.substr(0, space);
    if (firsts.empty() || firsts.back() != first) firsts.push_back(first);
    if (space != std::string_view::npos && first == group) seconds.push_back(command.path.substr(space + 1));
  }
  const auto is_one_of = [](const std::string& word, const std::vector<std::string_view>& known) {
    return std::find(known.begin(), known.end(), word) != known.end();
  };
  const bool in_group = !seconds.empty();
  const std::vector<std::string_view>& known = in_group ? seconds : firsts;
  const std::string start = in_group ? absl::StrCat("bwctl ", group) : "bwctl";
  const size_t place = in_group ? 1 : 0;
  const std::vector<std::string> names(known.begin(), known.end());
  if (plain.size() <= place) return absl::StrCat(start, " needs a command: ", absl::StrJoin(names, ", "));
  if (is_one_of(plain[place], known)) return "";
  const std::string meant = config::DidYouMean(plain[place], known);
  return absl::StrCat("\"", plain[place], "\" is no command of ", start, ": ",
                      meant.empty() ? absl::StrCat("there are ", absl::StrJoin(names, ", "))
                                    : absl::StrCat("did you mean \"", start, " ", meant, "\"?"));
}

ParsedLine Mistake(std::string_view problem) {
  ParsedLine line;
  line.exit_status = kUsage;
  line.err = absl::StrCat("bwctl: ", std::string(problem),
                          "\nbwctl --help lists the commands, and bwctl COMMAND --help its options\n");
  return line;
}

}  // namespace

std::string_view LongName(const OptionSpec& option) {
  const size_t comma = option.names.find(',');
  return comma == std::string_view::npos ? option.names : option.names.substr(comma + 1);
}

std::string_view ShortName(const OptionSpec& option) {
  const size_t comma = option.names.find(',');
  return comma == std::string_view::npos ? std::string_view() : option.names.substr(0, comma);
}

std::string Values::Text(std::string_view name, std::string_view otherwise) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::string(otherwise);
  return found->second.front();
}

std::vector<std::string> Values::List(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

double Values::Number(std::string_view name, double otherwise) const {
  double number = otherwise;
  if (Has(name) && !absl::SimpleAtod(Text(name), &number)) return otherwise;
  return number;
}

absl::Duration Values::DurationOf(std::string_view name, absl::Duration otherwise) const {
  return Has(name) ? config::ParseDuration(Text(name)).value_or(otherwise) : otherwise;
}

ParsedLine ParseLine(const std::vector<std::string>& words) {
  if (words.size() > kMaxWords) return Mistake(absl::StrCat("more than ", kMaxWords, " words"));
  try {
    Parser parser;
    try {
      parser.Parse(words);
    } catch (const CLI::Success& wanted) {  // --help
      std::ostringstream out;
      std::ostringstream err;
      ParsedLine line;
      line.exit_status = parser.program().exit(wanted, out, err) == 0 ? 0 : kUsage;
      line.out = out.str();
      line.err = err.str();
      return line;
    } catch (const CLI::ParseError& error) {
      const std::string problem = NoSuchCommand(words);
      return Mistake(problem.empty() ? error.what() : problem);
    }
    ParsedLine line;
    line.command = parser.Chosen(line.values);
    return line.command == nullptr ? Mistake("no command") : line;
  } catch (const std::exception& error) {
    return Mistake(error.what());
  }
}

}  // namespace breakwater::cli
