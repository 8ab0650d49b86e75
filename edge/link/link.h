// The thread that keeps an edge in touch with its coordinators. What the control strand says it takes without ever making it
// wait; what the coordinator wants it keeps until the strand takes it.
//
//   Link link(settings, restored_set, clock, make_transport, {.wake = [&] { ... }, .report = log_it});
//   link.Start();
//   link.Offer(window);                      // the strand; false when too much waits here
//   if (auto inbox = link.Take(); inbox.desired) ...
//
// Offer, Take and View are thread-safe and never wait for the network or the disk. Stop() ends the session; so does destroying it.
#ifndef BREAKWATER_EDGE_LINK_LINK_H_
#define BREAKWATER_EDGE_LINK_LINK_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/clock/clock.h"
#include "edge/link/link_machine.h"
#include "edge/link/transport.h"

namespace breakwater::link {

// What has come for the strand since it looked last; the newest of each kind.
struct Inbox {
  std::optional<control::DesiredRules> desired;
  std::optional<control::StopEnforcing> stop;
  DetailGrants grants;
};

// The link as the strand sees it.
class Port {
 public:
  virtual ~Port() = default;
  // False: too much waits; what was offered is lost, and counted.
  virtual bool Offer(LinkEvent event) = 0;
  virtual Inbox Take() = 0;
  virtual LinkView View() const = 0;
};

class Link : public Port {
 public:
  // Of the strand's own; the transport has at most two messages and a few notices on their way.
  static constexpr size_t kMaxWaiting = 4096;
  static constexpr size_t kMaxGrants = 256;

  using MakeTransport = std::function<std::unique_ptr<Transport>(Transport::Sink)>;
  struct Callbacks {
    std::function<void()> wake;                     // the strand should Take(); on the link's thread
    std::function<void(const LinkReport&)> report;  // for the log; on the link's thread
  };

  Link(LinkSettings settings, DesiredSet restored, clock::Clock& clock, MakeTransport make_transport,
       Callbacks callbacks);
  ~Link() override;
  void Start();
  void Stop();  // returns once no callback runs any more

  bool Offer(LinkEvent event) override;
  Inbox Take() override;
  LinkView View() const override;

 private:
  void Run();
  void Post(LinkEvent event);
  void Perform(LinkAction action);
  void HandOver(Delivery delivery);

  clock::Clock& clock_;
  Callbacks callbacks_;
  LinkMachine machine_;  // the thread's

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<LinkEvent> events_;
  uint64_t lost_ = 0;
  bool stop_ = false;
  Inbox inbox_;
  LinkView view_;

  MakeTransport make_transport_;
  std::unique_ptr<Transport> transport_;
  std::thread thread_;
};

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_LINK_H_
