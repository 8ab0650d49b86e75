#include "edge/anycast/talk.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"

namespace breakwater::anycast {
namespace {

// One look takes at most so much, so that a peer that never stops talking can't hold the thread.
constexpr int kReadsPerLook = 16;
constexpr size_t kReadBytes = 4096;

}  // namespace

Endpoint Endpoint::Unix(const std::string& path) {
  Endpoint endpoint;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  std::memcpy(&endpoint.address, &address, sizeof(address));
  endpoint.size = sizeof(address);
  endpoint.name = path;
  return endpoint;
}

Endpoint Endpoint::Tcp(const http::SocketAddress& where) {
  Endpoint endpoint;
  const net::IpAddress& ip = where.address;
  if (ip.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(where.port);
    std::copy_n(ip.bytes().begin() + 12, 4, reinterpret_cast<uint8_t*>(&address.sin_addr));
    std::memcpy(&endpoint.address, &address, sizeof(address));
    endpoint.size = sizeof(address);
    endpoint.name = absl::StrCat(ip.ToString(), ":", where.port);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(where.port);
    std::copy_n(ip.bytes().begin(), 16, reinterpret_cast<uint8_t*>(&address.sin6_addr));
    std::memcpy(&endpoint.address, &address, sizeof(address));
    endpoint.size = sizeof(address);
    endpoint.name = absl::StrCat("[", ip.ToString(), "]:", where.port);
  }
  return endpoint;
}

Talk::Talk(const Endpoint& endpoint, Script& script, absl::Duration deadline)
    : script_(script), deadline_(deadline), name_(endpoint.name) {
  fd_ = socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    Finish(Error(errno, "can't make a socket for"));
    return;
  }
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) == 0) {
    Connected();
  } else if (errno != EINPROGRESS) {
    Finish(Error(errno, "can't connect to"));
  }
}

Talk::~Talk() {
  if (fd_ >= 0) close(fd_);
}

absl::Status Talk::Error(int number, std::string_view what) const {
  const std::string text = absl::StrCat(std::string(what), " ", name_, ": ", strerror(number));
  switch (number) {
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(text);
    case ENOENT:
    case ECONNREFUSED:
      return absl::UnavailableError(text);
    default:
      return absl::InternalError(text);
  }
}

short Talk::events() const {
  if (!connected_) return POLLOUT;
  return static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT));
}

void Talk::Finish(absl::Status status) {
  done_ = true;
  status_ = std::move(status);
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void Talk::Connected() {
  connected_ = true;
  const absl::StatusOr<bool> over = script_.OnConnect(out_);
  if (!over.ok() || *over) {
    Finish(over.status());
  } else {
    Write();
  }
}

void Talk::Advance(absl::Duration now) {
  if (done_) return;
  if (now >= deadline_) {
    Finish(absl::DeadlineExceededError(absl::StrCat("no answer from ", name_, " in time")));
    return;
  }
  if (!connected_) {
    pollfd look{fd_, POLLOUT, 0};
    if (poll(&look, 1, 0) <= 0) return;
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      Finish(Error(error, "can't connect to"));
      return;
    }
    Connected();
    if (done_) return;
  }
  Read();
  if (!done_) Write();
}

void Talk::Read() {
  std::array<char, kReadBytes> buffer;
  for (int i = 0; i < kReadsPerLook && !done_; ++i) {
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      Finish(n < 0 ? Error(errno, "lost the connection to")
                   : absl::UnavailableError(absl::StrCat(name_, " closed the connection")));
      return;
    }
    const absl::StatusOr<bool> over = script_.OnInput({buffer.data(), static_cast<size_t>(n)}, out_);
    if (!over.ok()) {
      Finish(absl::Status(over.status().code(), absl::StrCat(name_, ": ", std::string(over.status().message()))));
    } else if (*over) {
      Finish(absl::OkStatus());
    }
  }
}

void Talk::Write() {
  while (!out_.empty()) {
    const ssize_t n = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) Finish(Error(errno, "can't write to"));
      return;
    }
    out_.erase(0, static_cast<size_t>(n));
  }
}

absl::Status RunTalk(const Endpoint& endpoint, Script& script, absl::Duration limit) {
  const clock::Clock& clock = clock::SystemClock();
  Talk talk(endpoint, script, clock.Monotonic() + limit);
  while (!talk.done()) {
    pollfd look{talk.fd(), talk.events(), 0};
    const absl::Duration left = std::max(talk.deadline() - clock.Monotonic(), absl::ZeroDuration());
    poll(&look, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    talk.Advance(clock.Monotonic());
  }
  return talk.status();
}

}  // namespace breakwater::anycast
