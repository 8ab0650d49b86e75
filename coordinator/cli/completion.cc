#include "coordinator/cli/completion.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/cli/command_line.h"

namespace breakwater::cli {
namespace {

// What may follow a path of words ("", "rule", "rule create"), and what an option's value may be.
struct Words {
  std::map<std::string, std::vector<std::string>> after;
  std::map<std::string, std::vector<std::string>> values;  // of an option, under each of its names
  std::set<std::string> files;                             // options whose value is a file
  std::set<std::string> with_value;
};

void AddOptions(const std::vector<OptionSpec>& options, std::vector<std::string>& to, Words& words) {
  for (const OptionSpec& option : options) {
    for (const std::string_view name : {LongName(option), ShortName(option)}) {
      if (name.empty()) continue;
      if (name.starts_with("--")) to.emplace_back(name);
      if (option.kind == OptionSpec::Kind::kFlag) continue;
      words.with_value.emplace(name);
      if (option.is_file) words.files.emplace(name);
      if (!option.choices.empty()) words.values[std::string(name)] = {option.choices.begin(), option.choices.end()};
    }
  }
}

Words Collect() {
  Words words;
  std::vector<std::string> globals;
  AddOptions(GlobalOptions(), globals, words);
  globals.emplace_back("--help");
  std::set<std::string> groups;
  for (const CommandSpec& command : Commands()) {
    const std::string path(command.path);
    const size_t space = path.find(' ');
    const std::string first = path.substr(0, space);
    if (groups.insert(first).second) words.after[""].push_back(first);
    if (space != std::string::npos) words.after[first].push_back(path.substr(space + 1));
    std::vector<std::string>& here = words.after[path];
    for (const ArgumentSpec& argument : command.arguments) {
      here.insert(here.end(), argument.choices.begin(), argument.choices.end());
    }
    AddOptions(command.options, here, words);
  }
  for (auto& [path, list] : words.after) list.insert(list.end(), globals.begin(), globals.end());
  return words;
}

std::string Joined(const std::vector<std::string>& list) { return absl::StrJoin(list, " "); }

// The same for both shells: bash's own, which zsh's bashcompinit reads too. The words are ours: letters, digits and dashes.
std::string Function() {
  const Words words = Collect();
  std::string out = R"(_bwctl() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="" path="" word index
  [ "$COMP_CWORD" -gt 0 ] && previous="${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  case "$previous" in
)";
  for (const auto& [name, values] : words.values) {
    absl::StrAppend(&out, "    ", name, ") COMPREPLY=($(compgen -W '", Joined(values),
                    "' -- \"$current\")); return ;;\n");
  }
  std::vector<std::string> plain;
  for (const std::string& name : words.with_value) {
    if (!words.files.contains(name) && !words.values.contains(name)) plain.push_back(name);
  }
  absl::StrAppend(&out, "    ", absl::StrJoin(words.files, "|"),
                  ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n");
  absl::StrAppend(&out, "    ", absl::StrJoin(plain, "|"), ") return ;;\n");
  absl::StrAppend(&out, R"(  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="${COMP_WORDS[index]}"
    case "$word" in
      )",
                  absl::StrJoin(words.with_value, "|"), R"() index=$((index + 1)) ;;
      -*) ;;
      *)
        case "${path:+$path }$word" in
)");
  std::vector<std::string> paths;
  for (const auto& [path, unused] : words.after) {
    if (!path.empty()) paths.push_back(absl::StrCat("'", path, "'"));
  }
  absl::StrAppend(&out, "          ", absl::StrJoin(paths, "|"), R"() path="${path:+$path }$word" ;;
        esac ;;
    esac
  done
  case "$path" in
)");
  for (const auto& [path, list] : words.after) {
    absl::StrAppend(&out, "    '", path, "') COMPREPLY=($(compgen -W '", Joined(list), "' -- \"$current\")) ;;\n");
  }
  return out + "  esac\n}\n";
}

}  // namespace

std::string BashCompletion() {
  return absl::StrCat("# bash completion of bwctl: source <(bwctl completion bash)\n", Function(),
                      "complete -F _bwctl bwctl\n");
}

std::string ZshCompletion() {
  return absl::StrCat("#compdef bwctl\n# zsh completion of bwctl: source <(bwctl completion zsh)\n",
                      "autoload -Uz compinit bashcompinit\n(( $+functions[compdef] )) || compinit\nbashcompinit\n",
                      Function(), "complete -F _bwctl bwctl\n");
}

}  // namespace breakwater::cli
