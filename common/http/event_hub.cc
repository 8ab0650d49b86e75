#include "common/http/event_hub.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace breakwater::http {

EventHub::EventHub(Options options) : options_(std::move(options)) {}

Response EventHub::Listen(std::vector<size_t> topics) {
  std::lock_guard lock(mutex_);
  if (seats_.size() >= options_.max_listeners) {
    ++stats_.refused;
    Response response = Problem(503, absl::StrCat("there are ", seats_.size(), " listeners, the limit"),
                                "too_many_listeners", "close another page, or raise http.max_streams");
    response.headers.emplace_back("Retry-After", "5");
    return response;
  }
  Response response;
  response.content_type = "text/event-stream";
  response.events = shared_from_this();
  response.topics = std::move(topics);
  return response;
}

void EventHub::Publish(size_t topic, std::string_view data) {
  const auto frame = std::make_shared<const std::string>(
      absl::StrCat("event: ", options_.topics.at(topic), "\ndata: ", std::string(data), "\n\n"));
  std::lock_guard lock(mutex_);
  ++stats_.events;
  for (const Seat& seat : seats_) {
    if (std::find(seat.topics.begin(), seat.topics.end(), topic) == seat.topics.end()) continue;
    const std::shared_ptr<Listener> listener = seat.listener.lock();
    if (listener != nullptr && listener->Offer(topic, frame)) ++stats_.skipped;
  }
}

size_t EventHub::listeners() const {
  std::lock_guard lock(mutex_);
  return seats_.size();
}

EventHub::Interest EventHub::TakeInterest() {
  std::lock_guard lock(mutex_);
  Interest interest;
  for (const Seat& seat : seats_) interest.topics.insert(seat.topics.begin(), seat.topics.end());
  interest.fresh.swap(fresh_);
  return interest;
}

EventHub::Stats EventHub::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void EventHub::Join(const std::shared_ptr<Listener>& listener, const std::vector<size_t>& topics) {
  std::lock_guard lock(mutex_);
  seats_.push_back({listener, listener.get(), topics});
  fresh_.insert(topics.begin(), topics.end());
}

void EventHub::Leave(const Listener* listener, bool cut_off) {
  std::lock_guard lock(mutex_);
  const auto seat = std::find_if(seats_.begin(), seats_.end(), [&](const Seat& s) { return s.key == listener; });
  if (seat == seats_.end()) return;
  seats_.erase(seat);
  if (cut_off) ++stats_.cut_off;
}

EventHub::Frame EventHub::Preamble() const {
  return std::make_shared<const std::string>(
      absl::StrCat("retry: ", absl::ToInt64Milliseconds(options_.retry), "\n\n"));
}

EventHub::Frame EventHub::Heartbeat() {
  static const Frame kFrame = std::make_shared<const std::string>(": still here\n\n");
  return kFrame;
}

}  // namespace breakwater::http
