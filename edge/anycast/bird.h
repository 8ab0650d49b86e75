// BIRD's control protocol, without a socket: lines with four-digit codes in, commands out.
//
//   Reconcile talk(settings, Presence::kWithdrawn);
//   absl::StatusOr<bool> done = talk.OnInput(bytes, out);      // send `out` on; done: talk.observed()
//
// A reply is lines "NNNN-text" or " text" (which go on) up to one "NNNN text". Codes 0xxx, 1xxx and 2xxx are good, 8xxx and
// 9xxx are errors; lines with "+" come unasked. All input is bounded: a daemon that says more than kMaxReply is refused.
// Not thread-safe.
#ifndef BREAKWATER_EDGE_ANYCAST_BIRD_H_
#define BREAKWATER_EDGE_ANYCAST_BIRD_H_

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edge/anycast/settings.h"
#include "edge/anycast/talk.h"

namespace breakwater::anycast {

inline constexpr size_t kMaxReply = 64 * 1024;  // bytes, without its end of a line

struct ReplyLine {
  int code = 0;
  std::string text;
};
using Reply = std::vector<ReplyLine>;

// Takes whole replies out of a stream.
class ReplyParser {
 public:
  // Replies that ended in these bytes. Errors: not BIRD's protocol, or over kMaxReply; then the parser is of no more use.
  absl::StatusOr<std::vector<Reply>> Feed(std::string_view bytes);

 private:
  absl::Status TakeLine(std::string_view line, std::vector<Reply>& done);

  std::string partial_;
  Reply reply_;
  size_t reply_bytes_ = 0;
};

// Whether protocol `name` is up, from the reply to: show protocols "name". Errors: it isn't there.
absl::StatusOr<bool> IsUp(const Reply& reply, const std::string& name);

// One conversation: looks how the protocols are, changes what differs from what is wanted, and looks again.
class Reconcile : public Script {
 public:
  Reconcile(const Settings& settings, Presence want);

  absl::StatusOr<bool> OnConnect(std::string& out) override;
  absl::StatusOr<bool> OnInput(std::string_view bytes, std::string& out) override;

  // Once it is done: how BIRD stands, and whether that is wholly what was wanted.
  Presence observed() const;
  bool reached() const { return Changes().empty(); }
  int changes() const { return changes_; }

 private:
  absl::Status OnReply(const Reply& reply, std::string& out);
  void Look();
  std::vector<std::string> Changes() const;

  const Settings& settings_;
  const Presence want_;
  ReplyParser parser_;
  bool greeted_ = false;
  bool changed_ = false;
  int changes_ = 0;
  std::deque<std::string> commands_;  // the first one was sent
  std::map<std::string, bool> up_;
};

}  // namespace breakwater::anycast

#endif  // BREAKWATER_EDGE_ANYCAST_BIRD_H_
