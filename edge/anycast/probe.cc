#include "edge/anycast/probe.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace breakwater::anycast {
namespace {

constexpr size_t kMaxStatusLine = 512;

}  // namespace

absl::StatusOr<bool> Probe::OnConnect(std::string& out) {
  if (check_.path.empty()) return true;
  absl::StrAppend(&out, "GET ", check_.path, " HTTP/1.1\r\nHost: ", check_.host,
                  "\r\nUser-Agent: breakwater-edge\r\nConnection: close\r\n\r\n");
  return false;
}

absl::StatusOr<bool> Probe::OnInput(std::string_view bytes, std::string&) {
  head_.append(bytes.substr(0, kMaxStatusLine - std::min(head_.size(), kMaxStatusLine)));
  const size_t end = head_.find("\r\n");
  if (end == std::string::npos) {
    if (head_.size() < kMaxStatusLine) return false;
    return absl::InternalError(absl::StrCat("no end of the status line within ", kMaxStatusLine, " bytes"));
  }
  const std::string_view line = std::string_view(head_).substr(0, end);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
      !std::all_of(line.begin() + 9, line.begin() + 12, is_digit)) {
    return absl::InternalError("the answer isn't HTTP");
  }
  if (line[9] != '2' && line[9] != '3') {
    return absl::FailedPreconditionError(absl::StrCat("HTTP status ", std::string(line.substr(9, 3))));
  }
  return true;
}

}  // namespace breakwater::anycast
