#include "edge/link/link.h"

#include <algorithm>
#include <utility>

namespace breakwater::link {
namespace {

// Nothing waits longer than this, so that a step of the clock or a forgotten wake-up can't hold the link up.
constexpr absl::Duration kLongestWait = absl::Seconds(1);

}  // namespace

Link::Link(LinkSettings settings, DesiredSet restored, clock::Clock& clock, MakeTransport make_transport,
           Callbacks callbacks)
    : clock_(clock),
      callbacks_(std::move(callbacks)),
      machine_(std::move(settings), std::move(restored)),
      view_(machine_.View()),
      make_transport_(std::move(make_transport)) {}

Link::~Link() { Stop(); }

void Link::Start() {
  transport_ = make_transport_([this](LinkEvent event) { Post(std::move(event)); });
  thread_ = std::thread([this] { Run(); });
}

void Link::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  transport_.reset();
}

bool Link::Offer(LinkEvent event) {
  {
    std::lock_guard lock(mutex_);
    if (events_.size() >= kMaxWaiting) {
      ++lost_;
      return false;
    }
    events_.push_back(std::move(event));
  }
  changed_.notify_all();
  return true;
}

void Link::Post(LinkEvent event) {
  {
    std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  changed_.notify_all();
}

Inbox Link::Take() {
  std::lock_guard lock(mutex_);
  return std::exchange(inbox_, {});
}

LinkView Link::View() const {
  std::lock_guard lock(mutex_);
  LinkView view = view_;
  view.windows_lost += lost_;
  return view;
}

void Link::Run() {
  std::deque<LinkEvent> events;
  events.emplace_back(Wake{});
  for (;;) {
    for (LinkEvent& event : events) {
      for (LinkAction& action : machine_.Step(std::move(event), {clock_.Monotonic(), clock_.Now()})) {
        Perform(std::move(action));
      }
    }
    events.clear();
    LinkView view = machine_.View();
    std::unique_lock lock(mutex_);
    view_ = std::move(view);
    const absl::Duration wait = std::clamp(machine_.NextAt() - clock_.Monotonic(), absl::ZeroDuration(), kLongestWait);
    changed_.wait_for(lock, absl::ToChronoMicroseconds(wait), [this] { return stop_ || !events_.empty(); });
    if (stop_) return;
    events.swap(events_);
    if (events.empty()) events.emplace_back(Wake{});
  }
}

void Link::Perform(LinkAction action) {
  std::visit(
      [this](auto& a) {
        using T = std::decay_t<decltype(a)>;
        if constexpr (std::is_same_v<T, Deliver>) {
          HandOver(std::move(a.delivery));
        } else if constexpr (std::is_same_v<T, LinkReport>) {
          if (callbacks_.report) callbacks_.report(a);
        } else {
          transport_->Perform(std::move(a));
        }
      },
      action);
}

void Link::HandOver(Delivery delivery) {
  {
    std::lock_guard lock(mutex_);
    if (auto* desired = std::get_if<control::DesiredRules>(&delivery)) inbox_.desired = std::move(*desired);
    if (auto* stop = std::get_if<control::StopEnforcing>(&delivery)) inbox_.stop = std::move(*stop);
    if (auto* grants = std::get_if<DetailGrants>(&delivery)) {
      auto& waiting = inbox_.grants.grants;
      waiting.insert(waiting.end(), grants->grants.begin(), grants->grants.end());
      if (waiting.size() > kMaxGrants) waiting.erase(waiting.begin(), waiting.end() - kMaxGrants);
    }
  }
  if (callbacks_.wake) callbacks_.wake();
}

}  // namespace breakwater::link
