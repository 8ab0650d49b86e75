#include <iostream>
#include <memory>

#include "edge/app/commands.h"
#include "edge/app/version.h"
#include "nlohmann/json.hpp"

namespace breakwater::app {

Command AddVersionCommand(CLI::App& program) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = program.add_subcommand("version", "print the version");
  command->add_flag("--json", *json, "print JSON");
  return {command, [json] {
            if (*json) {
              std::cout << nlohmann::json{{"version", Version()}, {"revision", Revision()}}.dump() << "\n";
            } else {
              std::cout << "breakwater-edge " << Version() << " (" << Revision() << ")\n";
            }
            return 0;
          }};
}

}  // namespace breakwater::app
