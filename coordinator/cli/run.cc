#include "coordinator/cli/run.h"

#include <memory>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/cli/session.h"
#include "coordinator/cli/text.h"

namespace breakwater::cli {
namespace {

constexpr std::string_view kClear = "\x1b[H\x1b[2J";

bool WantsColour(const Values& values, const Console& console) {
  const std::string when = values.Text("--color", "auto");
  if (when != "auto") return when == "always";
  return console.out_is_terminal && !console.getenv("NO_COLOR") && console.getenv("TERM").value_or("") != "dumb";
}

Output OutputOf(const std::string& name) {
  if (name == "json") return Output::kJson;
  if (name == "jsonl") return Output::kJsonLines;
  if (name == "name") return Output::kName;
  return Output::kTable;
}

ConnectionFlags FlagsOf(const Values& values) {
  return {.config = values.Text("--config"),
          .context = values.Text("--context"),
          .connection = {.server = values.Text("--server"),
                         .ca = values.Text("--ca"),
                         .certificate = values.Text("--cert"),
                         .key = values.Text("--key"),
                         .server_name = values.Text("--server-name")}};
}

// What a pipe's reader has closed, or a full disk has not taken, must not look like success.
int Flush(Console& console, int status) {
  console.out.flush();
  if (console.out.good()) return status;
  console.err << "bwctl: the output could not be written\n";
  return status == kOk ? kFailed : status;
}

int Once(const CommandSpec& command, Session session) { return command.run(session); }

// Each time as a whole, so that a terminal never shows half a page. A coordinator that is away comes back: that is what one
// watches for.
int Watch(const CommandSpec& command, const Session& session, absl::Duration interval) {
  const bool redraw = session.console.out_is_terminal;
  const bool table = session.output == Output::kTable;
  bool first = true;
  while (true) {
    std::ostringstream page;
    const int status = Once(command, {.values = session.values,
                                      .console = session.console,
                                      .out = page,
                                      .client = session.client,
                                      .connection = session.connection,
                                      .timeout = session.timeout,
                                      .output = session.output,
                                      .style = session.style});
    if (status != kOk && status != kUnreachable) return status;
    if (status == kOk) {
      if (redraw && table) {
        session.out << kClear;
      } else if (table && !first) {
        session.out << "\n";
      }
      session.out << page.str() << std::flush;
      first = false;
    }
    if (const int written = Flush(session.console, kOk); written != kOk) return written;
    if (!session.console.wait(interval)) return kInterrupted;
  }
}

}  // namespace

int RunBwctl(const std::vector<std::string>& words, Console& console, const ClientFactory& connect) {
  const ParsedLine line = ParseLine(words);
  if (line.command == nullptr) {
    console.out << line.out;
    console.err << line.err;
    return Flush(console, line.exit_status);
  }
  Session session{.values = line.values,
                  .console = console,
                  .out = console.out,
                  .client = nullptr,
                  .timeout = line.values.DurationOf("--timeout", absl::Seconds(10)),
                  .output = OutputOf(line.values.Text("--output")),
                  .style = {.colour = WantsColour(line.values, console),
                            .width = console.out_is_terminal ? console.width : 0,
                            .wide = line.values.Text("--output") == "wide"}};
  if (line.values.Has("--watch") && !line.command->watchable) {
    return session.UsageMistake(absl::StrCat("--watch is for commands that change nothing; \"",
                                             std::string(line.command->path), "\" isn't shown again and again"));
  }
  if (line.command->local) return Flush(console, Once(*line.command, session));
  absl::StatusOr<Connection> connection = ResolveConnection(FlagsOf(line.values), console.getenv);
  if (!connection.ok()) return session.UsageMistake(std::string(connection.status().message()));
  session.connection = *std::move(connection);
  absl::StatusOr<std::unique_ptr<AdminClient>> client = connect(session.connection, session.timeout);
  if (!client.ok()) return session.Fail(client.status());
  session.client = client->get();
  if (line.values.Has("--watch")) {
    return Watch(*line.command, session, line.values.DurationOf("--interval", absl::Seconds(2)));
  }
  return Flush(console, Once(*line.command, session));
}

}  // namespace breakwater::cli
