// A conversation over a socket that never waits: it connects, says and hears what there is, and ends at its deadline.
//
//   Talk talk(Endpoint::Unix("/run/bird/bird.ctl"), script, now + absl::Seconds(1));
//   while (!talk.done()) { poll(talk.fd(), talk.events(), …); talk.Advance(now); }
//   talk.status()
//
// Not thread-safe. Errors name where it was going: kUnavailable (nobody listens), kPermissionDenied, kDeadlineExceeded,
// and those of the script.
#ifndef BREAKWATER_EDGE_ANYCAST_TALK_H_
#define BREAKWATER_EDGE_ANYCAST_TALK_H_

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http/address.h"

namespace breakwater::anycast {

// What is said. true: the conversation is over.
class Script {
 public:
  virtual ~Script() = default;
  virtual absl::StatusOr<bool> OnConnect(std::string& out) = 0;
  virtual absl::StatusOr<bool> OnInput(std::string_view bytes, std::string& out) = 0;
};

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
  std::string name;  // for messages

  static Endpoint Unix(const std::string& path);  // at most 107 bytes
  static Endpoint Tcp(const http::SocketAddress& address);
};

class Talk {
 public:
  // The script has to live as long. deadline: monotonic time, of the whole conversation.
  Talk(const Endpoint& endpoint, Script& script, absl::Duration deadline);
  ~Talk();
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  int fd() const { return fd_; }
  short events() const;
  absl::Duration deadline() const { return deadline_; }
  void Advance(absl::Duration now);

  bool done() const { return done_; }
  const absl::Status& status() const { return status_; }

 private:
  void Finish(absl::Status status);
  void Connected();
  void Read();
  void Write();
  absl::Status Error(int number, std::string_view what) const;

  Script& script_;
  const absl::Duration deadline_;
  const std::string name_;
  int fd_ = -1;
  bool connected_ = false;
  bool done_ = false;
  absl::Status status_;
  std::string out_;
};

// Both ends of a conversation in one call, for commands; waits at most `limit`.
absl::Status RunTalk(const Endpoint& endpoint, Script& script, absl::Duration limit);

}  // namespace breakwater::anycast

#endif  // BREAKWATER_EDGE_ANYCAST_TALK_H_
