// Server-sent events to many listeners: what was said last on each topic, as shared buffers.
//
//   auto hub = std::make_shared<EventHub>(EventHub::Options{.topics = {"overview", "attacks"}});
//   hub->Publish(0, json);                              // any thread; never waits for a listener
//   router.Get("/stream", [hub](const Request&) { return hub->Listen({0, 1}); });
//
// A listener that reads slower than we publish gets the newest of each topic and misses what was in between; one that reads
// nothing for write_timeout is cut off. What waits for a listener is at most one shared buffer a topic, and the kernel's part
// of it is capped at max_unsent. Thread-safe.
#ifndef BREAKWATER_COMMON_HTTP_EVENT_HUB_H_
#define BREAKWATER_COMMON_HTTP_EVENT_HUB_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/http/http.h"

namespace breakwater::http {

class EventHub : public std::enable_shared_from_this<EventHub> {
 public:
  struct Options {
    std::vector<std::string> topics;  // names of the events; a topic is its index here
    size_t max_listeners = 64;
    size_t max_unsent = 256 * 1024;                    // bytes in a listener's socket
    absl::Duration heartbeat = absl::Seconds(15);      // a comment when nothing else was written for that long
    absl::Duration write_timeout = absl::Seconds(10);  // for max_unsent bytes to be taken
    absl::Duration retry = absl::Seconds(2);           // the browser's wait before it comes back
  };
  explicit EventHub(Options options);

  const Options& options() const { return options_; }
  // The answer to a listener: 200 with events, or 503 with Retry-After over max_listeners.
  Response Listen(std::vector<size_t> topics);
  // data: one line. It becomes the topic's newest event.
  void Publish(size_t topic, std::string_view data);
  size_t listeners() const;
  // Topics that somebody listens to, and those among them that a listener came to since the last call and that therefore
  // should be published now.
  struct Interest {
    std::set<size_t> topics;
    std::set<size_t> fresh;
  };
  Interest TakeInterest();

  struct Stats {
    uint64_t events = 0;   // published
    uint64_t refused = 0;  // listeners over max_listeners
    uint64_t skipped = 0;  // events that a listener was too slow for
    uint64_t cut_off = 0;  // listeners that read nothing for write_timeout
  };
  Stats stats() const;

  // What a server does for a connection; not for handlers.
  using Frame = std::shared_ptr<const std::string>;
  class Listener {
   public:
    virtual ~Listener() = default;
    // Takes a topic's newest frame; true when it took the place of one that wasn't written. Any thread, never waits.
    virtual bool Offer(size_t topic, const Frame& frame) = 0;
  };
  void Join(const std::shared_ptr<Listener>& listener, const std::vector<size_t>& topics);
  void Leave(const Listener* listener, bool cut_off);
  Frame Preamble() const;
  static Frame Heartbeat();

 private:
  struct Seat {
    std::weak_ptr<Listener> listener;
    const Listener* key;
    std::vector<size_t> topics;
  };

  const Options options_;
  mutable std::mutex mutex_;
  std::vector<Seat> seats_;
  std::set<size_t> fresh_;
  Stats stats_;
};

}  // namespace breakwater::http

#endif  // BREAKWATER_COMMON_HTTP_EVENT_HUB_H_
