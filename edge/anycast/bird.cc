#include "edge/anycast/bird.h"

#include <algorithm>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace breakwater::anycast {
namespace {

constexpr int kWelcome = 1;
constexpr int kProtocolRow = 1002;
constexpr int kFirstError = 8000;
constexpr int kNoSuchProtocol = 8003;

absl::Status NotBird(std::string_view line) {
  return absl::InternalError(absl::StrCat("this isn't BIRD's control protocol: \"",
                                          std::string(line.substr(0, std::min<size_t>(line.size(), 80))), "\""));
}

std::string Show(const std::string& name) { return absl::StrCat("show protocols \"", name, "\""); }

}  // namespace

absl::StatusOr<std::vector<Reply>> ReplyParser::Feed(std::string_view bytes) {
  std::vector<Reply> done;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    reply_bytes_ += piece.size() + 1;
    if (reply_bytes_ > kMaxReply) {
      return absl::ResourceExhaustedError(absl::StrCat("BIRD's reply is over the limit of ", kMaxReply, " bytes"));
    }
    partial_.append(piece);
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    const absl::Status s = TakeLine(partial_, done);
    partial_.clear();
    if (!s.ok()) return s;
  }
  return done;
}

absl::Status ReplyParser::TakeLine(std::string_view line, std::vector<Reply>& done) {
  if (line.starts_with('+')) return absl::OkStatus();
  if (line.starts_with(' ')) {
    if (reply_.empty()) return NotBird(line);
    reply_.push_back({reply_.back().code, std::string(line.substr(1))});
    return absl::OkStatus();
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (line.size() < 5 || !std::all_of(line.begin(), line.begin() + 4, is_digit) || (line[4] != ' ' && line[4] != '-')) {
    return NotBird(line);
  }
  const int code = (line[0] - '0') * 1000 + (line[1] - '0') * 100 + (line[2] - '0') * 10 + (line[3] - '0');
  reply_.push_back({code, std::string(line.substr(5))});
  if (line[4] == ' ') {
    done.push_back(std::move(reply_));
    reply_.clear();
    reply_bytes_ = 0;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> IsUp(const Reply& reply, const std::string& name) {
  for (const ReplyLine& line : reply) {
    if (line.code != kProtocolRow) continue;
    std::istringstream words(line.text);
    std::string row_name, protocol, table, state;
    words >> row_name >> protocol >> table >> state;
    if (row_name == name && !state.empty()) return state == "up";
  }
  return absl::NotFoundError(
      absl::StrCat("BIRD has no protocol ", name, "; its configuration and this edge's have to agree"));
}

Reconcile::Reconcile(const Settings& settings, Presence want) : settings_(settings), want_(want) { Look(); }

void Reconcile::Look() {
  for (const std::string& name : settings_.announce) commands_.push_back(Show(name));
  for (const std::string& name : settings_.deprefer) commands_.push_back(Show(name));
}

absl::StatusOr<bool> Reconcile::OnConnect(std::string&) { return false; }  // BIRD speaks first

absl::StatusOr<bool> Reconcile::OnInput(std::string_view bytes, std::string& out) {
  const absl::StatusOr<std::vector<Reply>> replies = parser_.Feed(bytes);
  if (!replies.ok()) return replies.status();
  for (const Reply& reply : *replies) {
    if (commands_.empty()) return NotBird(reply.back().text);
    if (const absl::Status s = OnReply(reply, out); !s.ok()) return s;
  }
  return commands_.empty();
}

absl::Status Reconcile::OnReply(const Reply& reply, std::string& out) {
  if (!greeted_) {
    if (reply.back().code != kWelcome) return NotBird(reply.back().text);
    greeted_ = true;
  } else {
    const std::string command = commands_.front();
    commands_.pop_front();
    for (const ReplyLine& line : reply) {
      if (line.code == kNoSuchProtocol) continue;  // IsUp says it better
      if (line.code >= kFirstError) {
        return absl::FailedPreconditionError(absl::StrCat("BIRD refused \"", command, "\": ", line.text));
      }
    }
    if (command.starts_with("show ")) {
      const size_t quote = command.find('"');
      const std::string name = command.substr(quote + 1, command.size() - quote - 2);
      const absl::StatusOr<bool> up = IsUp(reply, name);
      if (!up.ok()) return up.status();
      up_[name] = *up;
    }
    if (commands_.empty() && !changed_) {
      changed_ = true;
      for (const std::string& change : Changes()) commands_.push_back(change);
      changes_ = static_cast<int>(commands_.size());
      if (!commands_.empty()) Look();
    }
  }
  if (!commands_.empty()) absl::StrAppend(&out, commands_.front(), "\n");
  return absl::OkStatus();
}

// What is wanted comes first, so that no moment is without an announcement when one stays.
std::vector<std::string> Reconcile::Changes() const {
  std::vector<std::string> enable, disable;
  const auto change = [&](const std::vector<std::string>& names, bool want_up) {
    for (const std::string& name : names) {
      const auto it = up_.find(name);
      if (it == up_.end() || it->second == want_up) continue;
      (want_up ? enable : disable).push_back(absl::StrCat(want_up ? "enable \"" : "disable \"", name, "\""));
    }
  };
  // Without protocols to de-prefer with, a de-preferred edge stays as it is announced until it is withdrawn.
  const bool can_deprefer = !settings_.deprefer.empty();
  change(settings_.announce, want_ == Presence::kAnnounced || (want_ == Presence::kDeprefered && !can_deprefer));
  change(settings_.deprefer, want_ == Presence::kDeprefered);
  enable.insert(enable.end(), disable.begin(), disable.end());
  return enable;
}

Presence Reconcile::observed() const {
  const auto any_up = [this](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(), [this](const std::string& name) {
      const auto it = up_.find(name);
      return it != up_.end() && it->second;
    });
  };
  if (any_up(settings_.announce)) return Presence::kAnnounced;
  return any_up(settings_.deprefer) ? Presence::kDeprefered : Presence::kWithdrawn;
}

}  // namespace breakwater::anycast
