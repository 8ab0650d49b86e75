// What a command has at hand while it runs, and the habits that all commands share.
//
//   int EdgeShow(Session& s) {
//     const absl::StatusOr<v1::EdgeView> edge = s.client->GetEdge(request);
//     if (!edge.ok()) return s.Fail(edge.status(), "bwctl edge list shows which there are");
//     return s.Show(*edge, [&] { return EdgeText(*edge, s.now_unix_s(), s.style); }, {edge->id()});
//   }
//
// Results go to out, everything else to err. Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_CLI_SESSION_H_
#define BREAKWATER_COORDINATOR_CLI_SESSION_H_

#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/cli/admin_client.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/console.h"
#include "coordinator/cli/table.h"
#include "google/protobuf/message.h"

namespace breakwater::cli {

enum class Output { kTable, kJson, kJsonLines, kName };

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kNotFound = 3;
inline constexpr int kNotAuthorised = 4;
inline constexpr int kStale = 5;
inline constexpr int kUnreachable = 6;
inline constexpr int kInterrupted = 130;

int ExitStatus(const absl::Status& status);

struct Session {
  const Values& values;
  Console& console;
  std::ostream& out;
  AdminClient* client;  // null for commands that need no coordinator
  Connection connection;
  absl::Duration timeout;
  Output output = Output::kTable;
  Style style;

  double now_unix_s() const;

  // Says on err what is wrong and what to do next; returns the exit status.
  int Fail(const absl::Status& status, std::string_view next = "") const;
  int UsageMistake(std::string_view problem) const;

  // Writes a view in the format that was asked for. items: what -o jsonl writes one a line, when the view is a list of
  // them; without any it writes the view itself. names: what -o name writes.
  int Show(const google::protobuf::Message& view, const std::function<std::string()>& table,
           const std::vector<std::string>& names, const std::vector<const google::protobuf::Message*>& items = {},
           bool is_list = false) const;

  // Before something that can't be taken back: kOk to go on. Without --yes it says what would happen, and asks for that word;
  // where nobody can be asked, it refuses.
  int Confirm(std::string_view impact, std::string_view word = "yes") const;
};

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_SESSION_H_
