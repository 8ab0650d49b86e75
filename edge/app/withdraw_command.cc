// withdraw: for whatever outlives an edge's process, such as ExecStopPost of its unit.
#include <iostream>
#include <memory>
#include <string>

#include "edge/anycast/runner.h"
#include "edge/app/commands.h"

namespace breakwater::app {
namespace {

constexpr int kFailed = 1;
constexpr absl::Duration kLimit = absl::Seconds(3);

int Withdraw(const std::string& config) {
  const absl::StatusOr<anycast::Settings> settings = anycast::LoadSettings(config);
  if (!settings.ok()) {
    std::cerr << settings.status().message() << "\n";
    return kFailed;
  }
  if (!settings->enabled()) return 0;  // this edge never announced anything
  if (const absl::Status s = anycast::WithdrawNow(*settings, kLimit); !s.ok()) {
    std::cerr << s.message() << "\n";
    return kFailed;
  }
  return 0;
}

}  // namespace

Command AddWithdrawCommand(CLI::App& program) {
  auto config = std::make_shared<std::string>("/etc/breakwater/edge.yaml");
  CLI::App* command = program.add_subcommand(
      "withdraw", "tell BIRD to announce nothing more; for when the edge's process is gone, whatever it was doing");
  command->add_option("--config", *config, "configuration file; only its section anycast is read")
      ->capture_default_str();
  return {command, [config] { return Withdraw(*config); }};
}

}  // namespace breakwater::app
