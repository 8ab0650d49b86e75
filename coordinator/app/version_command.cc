#include <iostream>
#include <memory>

#include "common/service/version.h"
#include "coordinator/app/commands.h"
#include "nlohmann/json.hpp"

namespace breakwater::coordinator {

ProgramCommand AddVersionCommand(CLI::App& program) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = program.add_subcommand("version", "print the version");
  command->add_flag("--json", *json, "print JSON");
  return {command, [json] {
            if (*json) {
              std::cout << nlohmann::json{{"version", service::Version()}, {"revision", service::Revision()}}.dump()
                        << "\n";
            } else {
              std::cout << "breakwater-coordinator " << service::Version() << " (" << service::Revision() << ")\n";
            }
            return 0;
          }};
}

}  // namespace breakwater::coordinator
