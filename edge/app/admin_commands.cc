// status, rules, attacks, panic: what a person asks a running edge, over its admin socket.
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "edge/app/commands.h"
#include "edge/app/tables.h"
#include "nlohmann/json.hpp"

namespace breakwater::app {
namespace {

constexpr int kFailed = 1;
constexpr int kNotAllowed = 4;
constexpr int kUnreachable = 6;

struct Options {
  std::string socket = "/run/breakwater/edge.sock";
  bool json = false;
  std::string on_or_off;
  std::string reason;
};

std::shared_ptr<Options> AddOptions(CLI::App& command) {
  auto options = std::make_shared<Options>();
  command.add_option("--socket", options->socket, "the edge's admin socket (admin.socket of its configuration)")
      ->envname("BREAKWATER_SOCKET")
      ->capture_default_str();
  command.add_flag("--json", options->json, "print the answer as JSON");
  return options;
}

int Fail(const absl::Status& status, const std::string& socket) {
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
      std::cerr << message << "\nthe socket belongs to the user the edge runs as; run this as that user or as root\n";
      return kNotAllowed;
    case absl::StatusCode::kUnavailable:
      std::cerr << message << "\nno edge is running with the socket " << socket
                << "; --socket names another (admin.socket in its configuration)\n";
      return kUnreachable;
    case absl::StatusCode::kDeadlineExceeded:
      std::cerr << message << "\n";
      return kUnreachable;
    default:
      std::cerr << message << "\n";
      return kFailed;
  }
}

// The answer's body, or the exit status when there is none.
struct Answer {
  int exit_status = 0;
  std::string body;
};

Answer Ask(const Options& options, const http::Request& request) {
  const absl::StatusOr<http::Response> response = http::Fetch("unix:" + options.socket, request);
  if (!response.ok()) return {Fail(response.status(), options.socket), ""};
  if (response->status == 200) return {0, response->body};
  const nlohmann::json problem = nlohmann::json::parse(response->body, nullptr, false);
  const bool has_detail = problem.is_object() && problem.contains("detail") && problem["detail"].is_string();
  std::cerr << "the edge answered " << response->status << ": "
            << (has_detail ? problem["detail"].get<std::string>() : response->body) << "\n";
  return {kFailed, ""};
}

using Render = absl::StatusOr<std::string> (*)(std::string_view json);

int Show(const Options& options, const std::string& path, Render render) {
  const Answer answer = Ask(options, {.path = path});
  if (answer.exit_status != 0) return answer.exit_status;
  if (options.json) {
    std::cout << answer.body;
    return 0;
  }
  const absl::StatusOr<std::string> text = render(answer.body);
  if (!text.ok()) return Fail(text.status(), options.socket);
  std::cout << *text;
  return 0;
}

Command AddPage(CLI::App& program, const std::string& name, const std::string& help, Render render) {
  CLI::App* command = program.add_subcommand(name, help);
  const std::shared_ptr<Options> options = AddOptions(*command);
  return {command, [options, name, render] { return Show(*options, "/v1/" + name, render); }};
}

int Panic(const Options& options) {
  const bool on = options.on_or_off == "on";
  const nlohmann::json body = {{"on", on}, {"reason", options.reason}};
  const Answer answer = Ask(options, {.method = "POST",
                                      .path = "/v1/panic",
                                      .content_type = "application/json",
                                      .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
  if (answer.exit_status != 0) return answer.exit_status;
  if (options.json) {
    std::cout << answer.body;
  } else {
    std::cout
        << (on ? "enforcing is stopped: nothing is dropped until \"breakwater-edge panic off\", also after a restart\n"
               : "enforcing goes on\n");
  }
  return 0;
}

int Drain(const Options& options, bool on) {
  const nlohmann::json body = {{"on", on}, {"reason", options.reason}};
  const Answer answer = Ask(options, {.method = "POST",
                                      .path = "/v1/anycast/drain",
                                      .content_type = "application/json",
                                      .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
  if (answer.exit_status != 0) return answer.exit_status;
  if (options.json) {
    std::cout << answer.body;
  } else {
    std::cout << (on ? "draining: less preferred now, withdrawn after anycast.drain_wait; \"breakwater-edge undrain\" "
                       "takes it back\n"
                     : "announced again as soon as every check is good\n");
  }
  return 0;
}

}  // namespace

Command AddStatusCommand(CLI::App& program) {
  return AddPage(program, "status", "how the edge is: readiness, traffic, attacks, rules", StatusText);
}

Command AddRulesCommand(CLI::App& program) {
  return AddPage(program, "rules", "every rule with its state, its hits and its lease", RulesText);
}

Command AddAttacksCommand(CLI::App& program) {
  return AddPage(program, "attacks", "attacks, those that go on first, with their signatures", AttacksText);
}

Command AddDrainCommand(CLI::App& program) {
  CLI::App* command = program.add_subcommand("drain", "leave the network: less preferred first, then withdrawn");
  const std::shared_ptr<Options> options = AddOptions(*command);
  command->add_option("--reason", options->reason, "why, for the status page and the log");
  return {command, [options] { return Drain(*options, true); }};
}

Command AddUndrainCommand(CLI::App& program) {
  CLI::App* command = program.add_subcommand("undrain", "join the network again");
  const std::shared_ptr<Options> options = AddOptions(*command);
  return {command, [options] { return Drain(*options, false); }};
}

Command AddPanicCommand(CLI::App& program) {
  CLI::App* command = program.add_subcommand("panic", "stop enforcing at once (on), or go on with it (off)");
  const std::shared_ptr<Options> options = AddOptions(*command);
  command->add_option("state", options->on_or_off, "on or off")->required()->check(CLI::IsMember({"on", "off"}));
  command->add_option("--reason", options->reason, "why, for the status page and the log");
  return {command, [options] { return Panic(*options); }};
}

}  // namespace breakwater::app
