// The connection of one listener to an EventHub, on the server's thread. Internal to this folder.
#ifndef BREAKWATER_COMMON_HTTP_EVENT_WRITER_H_
#define BREAKWATER_COMMON_HTTP_EVENT_WRITER_H_

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/asio/write.hpp"
#include "boost/beast/core.hpp"
#include "common/http/event_hub.h"

namespace breakwater::http {

template <typename Protocol>
class EventWriter : public EventHub::Listener, public std::enable_shared_from_this<EventWriter<Protocol>> {
 public:
  using Stream = boost::beast::basic_stream<Protocol>;
  using ErrorCode = boost::beast::error_code;

  // owner keeps stream alive.
  EventWriter(std::shared_ptr<void> owner, Stream& stream, std::shared_ptr<EventHub> hub)
      : owner_(std::move(owner)), stream_(stream), hub_(std::move(hub)), heartbeat_(stream.get_executor()) {}

  void Start(const std::string& head, const std::vector<size_t>& topics) {
    ErrorCode ignored;
    stream_.socket().set_option(
        boost::asio::socket_base::send_buffer_size(static_cast<int>(hub_->options().max_unsent)), ignored);
    hub_->Join(this->shared_from_this(), topics);
    auto first = std::make_shared<const std::string>(head + *hub_->Preamble());
    Discard();
    WriteFrame(std::move(first));
  }

  bool Offer(size_t topic, const EventHub::Frame& frame) override {
    std::lock_guard lock(mutex_);
    EventHub::Frame& place = waiting_[topic];
    const bool replaced = place != nullptr;
    place = frame;
    if (!std::exchange(woken_, true)) {
      boost::asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->Wake(); });
    }
    return replaced;
  }

 private:
  void Wake() {
    {
      std::lock_guard lock(mutex_);
      woken_ = false;
    }
    if (!writing_ && !ended_) Next();
  }

  // The next frame, or a rest until one comes or a heartbeat is due.
  void Next() {
    EventHub::Frame frame;
    {
      std::lock_guard lock(mutex_);
      if (!waiting_.empty()) {
        frame = std::move(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
      }
    }
    if (frame != nullptr) return WriteFrame(std::move(frame));
    heartbeat_.expires_after(absl::ToChronoMilliseconds(hub_->options().heartbeat));
    heartbeat_.async_wait([self = this->shared_from_this()](ErrorCode ec) {
      if (!ec && !self->writing_ && !self->ended_) self->WriteFrame(EventHub::Heartbeat());
    });
  }

  void WriteFrame(EventHub::Frame frame) {
    writing_ = true;
    frame_ = std::move(frame);
    written_ = 0;
    WriteSome();
  }

  // In pieces of max_unsent, each with the whole time-out: a large frame to a slow but honest listener isn't cut off.
  void WriteSome() {
    stream_.expires_after(absl::ToChronoMilliseconds(hub_->options().write_timeout));
    const size_t size = std::min(frame_->size() - written_, hub_->options().max_unsent);
    boost::asio::async_write(stream_, boost::asio::buffer(frame_->data() + written_, size),
                             [self = this->shared_from_this()](ErrorCode ec, size_t n) {
                               if (ec) return self->End(ec == boost::beast::error::timeout);
                               self->written_ += n;
                               if (self->written_ < self->frame_->size()) return self->WriteSome();
                               self->frame_ = nullptr;
                               self->writing_ = false;
                               if (!self->ended_) self->Next();
                             });
  }

  // Reading tells when the peer hangs up.
  void Discard() {
    stream_.socket().async_read_some(boost::asio::buffer(discarded_),
                                     [self = this->shared_from_this()](ErrorCode ec, size_t) {
                                       // Closed from this side: whoever did it knows why.
                                       if (ec == boost::asio::error::operation_aborted) return;
                                       if (ec) return self->End(false);
                                       self->Discard();
                                     });
  }

  void End(bool cut_off) {
    if (std::exchange(ended_, true)) return;
    hub_->Leave(this, cut_off);
    heartbeat_.cancel();
    stream_.close();
  }

  const std::shared_ptr<void> owner_;
  Stream& stream_;
  const std::shared_ptr<EventHub> hub_;
  boost::asio::steady_timer heartbeat_;
  std::array<char, 512> discarded_{};
  EventHub::Frame frame_;
  size_t written_ = 0;
  bool writing_ = false;
  bool ended_ = false;

  std::mutex mutex_;
  std::map<size_t, EventHub::Frame> waiting_;  // newest by topic
  bool woken_ = false;
};

}  // namespace breakwater::http

#endif  // BREAKWATER_COMMON_HTTP_EVENT_WRITER_H_
