#include "common/service/program.h"

#include <iostream>
#include <memory>

#include "CLI/CLI.hpp"
#include "common/service/version.h"
#include "nlohmann/json.hpp"

namespace breakwater::service {

Command AddVersionCommand(CLI::App& program) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = program.add_subcommand("version", "print the version");
  command->add_flag("--json", *json, "print JSON");
  return {command, [json, name = program.get_name()] {
            if (*json) {
              std::cout << nlohmann::json{{"version", Version()}, {"revision", Revision()}}.dump() << "\n";
            } else {
              std::cout << name << " " << Version() << " (" << Revision() << ")\n";
            }
            return 0;
          }};
}

int RunProgram(CLI::App& program, const std::vector<Command>& commands, int argc, char** argv) {
  program.require_subcommand(1);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    constexpr int kUsage = 64;  // EX_USAGE of sysexits.h
    return program.exit(error) == 0 ? 0 : kUsage;
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return 0;
}

}  // namespace breakwater::service
