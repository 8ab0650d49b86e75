#include "coordinator/cli/session.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/view_json/view_json.h"
#include "coordinator/cli/text.h"

namespace breakwater::cli {
namespace {

// A message can quote anything; its line breaks stay.
std::string PrintableLines(std::string_view text) {
  std::string out;
  for (const auto& line : absl::StrSplit(std::string(text), '\n')) {
    absl::StrAppend(&out, out.empty() ? "" : "\n", Printable(std::string(line)));
  }
  return out;
}

}  // namespace

int ExitStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kNotFound:
      return kNotFound;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return kNotAuthorised;
    case absl::StatusCode::kAborted:
      return kStale;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kUnreachable;
    default:
      return kFailed;
  }
}

double Session::now_unix_s() const { return absl::ToDoubleSeconds(console.now() - absl::UnixEpoch()); }

int Session::Fail(const absl::Status& status, std::string_view next) const {
  std::string hint;
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      hint = absl::StrCat("you showed ", connection.certificate, " (--cert)");
      break;
    case absl::StatusCode::kUnavailable:
      hint = "is it running, and is that its address? --server, BWCTL_SERVER or the context file name another";
      break;
    case absl::StatusCode::kDeadlineExceeded:
      hint = absl::StrCat("no answer from ", connection.server, " within ", absl::FormatDuration(timeout),
                          "; --timeout waits longer");
      break;
    case absl::StatusCode::kUnimplemented:
      hint =
          "is that the coordinator's API (api.listen), and of this version? compare \"bwctl version\" with \"bwctl "
          "overview\"";
      break;
    case absl::StatusCode::kAborted:
      hint = "somebody else changed it meanwhile: look again, then repeat";
      break;
    default:
      hint = std::string(next);
  }
  std::string message = PrintableLines(std::string(status.message()));
  if (message.empty()) message = absl::StatusCodeToString(status.code());
  console.err << "bwctl: " << message << "\n";
  if (!hint.empty()) console.err << "  " << PrintableLines(hint) << "\n";
  return ExitStatus(status);
}

int Session::UsageMistake(std::string_view problem) const {
  console.err << "bwctl: " << PrintableLines(problem) << "\n";
  return kUsage;
}

int Session::Show(const google::protobuf::Message& view, const std::function<std::string()>& table,
                  const std::vector<std::string>& names, const std::vector<const google::protobuf::Message*>& items,
                  bool is_list) const {
  switch (output) {
    case Output::kTable:
      out << table();
      break;
    case Output::kName:
      for (const std::string& name : names) out << Printable(name) << "\n";
      break;
    case Output::kJson: {
      const absl::StatusOr<std::string> json = view_json::ToJson(view, view_json::Layout::kIndented);
      if (!json.ok()) return Fail(json.status());
      out << *json << "\n";
      break;
    }
    case Output::kJsonLines: {
      std::vector<const google::protobuf::Message*> lines = items;
      if (!is_list) lines.push_back(&view);
      for (const google::protobuf::Message* item : lines) {
        const absl::StatusOr<std::string> json = view_json::ToJson(*item);
        if (!json.ok()) return Fail(json.status());
        out << *json << "\n";
      }
      break;
    }
  }
  return kOk;
}

int Session::Confirm(std::string_view impact, std::string_view word) const {
  if (values.Has("--yes")) return kOk;
  console.err << PrintableLines(impact) << "\n";
  if (!console.in_is_terminal) {
    console.err << "bwctl: nothing was changed; there is no terminal to ask on, so say --yes\n";
    return kUsage;
  }
  console.err << "Type \"" << word << "\" to go on: " << std::flush;
  std::string answer;
  std::getline(console.in, answer);
  if (absl::StripAsciiWhitespace(answer) == absl::string_view(word.data(), word.size())) return kOk;
  console.err << "bwctl: nothing was changed\n";
  return kFailed;
}

}  // namespace breakwater::cli
