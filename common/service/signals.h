// The signals that a daemon acts upon, read as from a file: SIGHUP, SIGTERM, SIGINT.
//
//   BlockSignals();                       // before the first thread is started
//   SignalQueue signals;                  // signals.fd() becomes readable
//   while (std::optional<int> signal = signals.Next()) ...
//
// One thread reads.
#ifndef BREAKWATER_COMMON_SERVICE_SIGNALS_H_
#define BREAKWATER_COMMON_SERVICE_SIGNALS_H_

#include <optional>

namespace breakwater::service {

// For this thread and those it starts from now on. Ignores SIGPIPE.
void BlockSignals();

class SignalQueue {
 public:
  SignalQueue();
  ~SignalQueue();
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;

  int fd() const { return fd_; }  // negative when it couldn't be made; errno says why
  // The next that came, without waiting.
  std::optional<int> Next();

 private:
  int fd_;
};

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_SIGNALS_H_
