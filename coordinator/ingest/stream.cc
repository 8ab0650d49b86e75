#include "coordinator/ingest/stream.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace breakwater::ingest {

bool StreamTable::Add(std::shared_ptr<Stream> stream, size_t limit) {
  std::lock_guard lock(mutex_);
  if (streams_.size() >= limit) return false;
  const coordinator::SessionId id = stream->id();
  streams_.emplace(id, std::move(stream));
  return true;
}

void StreamTable::Remove(coordinator::SessionId id) {
  std::lock_guard lock(mutex_);
  streams_.erase(id);
}

std::shared_ptr<Stream> StreamTable::Find(coordinator::SessionId id) const {
  std::lock_guard lock(mutex_);
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Stream>> StreamTable::All() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Stream>> all;
  all.reserve(streams_.size());
  for (const auto& [id, stream] : streams_) all.push_back(stream);
  return all;
}

size_t StreamTable::size() const {
  std::lock_guard lock(mutex_);
  return streams_.size();
}

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

RefusedStream::RefusedStream(const absl::Status& status) { Finish(ToGrpc(status)); }

Stream::Stream(Shared& shared, StreamTable& table, grpc::CallbackServerContext& context, tls::EdgeIdentity edge,
               size_t max_events)
    : shared_(shared),
      table_(table),
      context_(context),
      id_(shared.next_id.fetch_add(1)),
      edge_(std::move(edge)),
      max_events_(max_events),
      began_(shared.clock.Monotonic()) {}

void Stream::Begin() {
  std::unique_lock lock(mutex_);
  self_ = shared_from_this();
  lock.unlock();
  OnBegin();
  lock.lock();
  ReadOn();
}

bool Budget::Enter(const std::shared_ptr<Stream>& stream) {
  std::lock_guard lock(mutex_);
  if (waiting_ < bytes_) return true;
  kept_.push_back(stream);
  return false;
}

void Budget::Add(size_t bytes) {
  std::lock_guard lock(mutex_);
  waiting_ += bytes;
}

std::vector<std::shared_ptr<Stream>> Budget::Take(size_t bytes) {
  std::lock_guard lock(mutex_);
  waiting_ -= bytes;
  if (waiting_ >= bytes_) return {};
  return std::exchange(kept_, {});
}

void Stream::Post(coordinator::Event event, size_t bytes) {
  shared_.budget.Add(bytes);
  {
    std::lock_guard lock(mutex_);
    ++events_;
  }
  shared_.sink.Post(std::move(event), [self = shared_from_this(), bytes] { self->EventTaken(bytes); });
}

void Stream::EventTaken(size_t bytes) {
  for (const std::shared_ptr<Stream>& kept : shared_.budget.Take(bytes)) kept->Resume();
  std::lock_guard lock(mutex_);
  --events_;
  ReadOn();
}

void Stream::Resume() {
  std::lock_guard lock(mutex_);
  kept_ = false;
  ReadOn();
}

void Stream::ReadOn() {
  if (reading_ || kept_ || finished_ || closing_ || events_ >= max_events_) return;
  kept_ = !shared_.budget.Enter(shared_from_this());
  if (kept_) return;
  reading_ = true;
  up_.Clear();
  StartRead(&up_);
}

void Stream::OnReadDone(bool ok) {
  if (!ok) {
    std::lock_guard lock(mutex_);
    reading_ = false;
    // The peer has said all it wants to say, or is gone.
    CloseLocked(absl::OkStatus(), /*drop_queue=*/false);
    return;
  }
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (up_.Dump(&slices).ok()) {
    bytes.reserve(up_.Length());
    for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  ++shared_.messages_in;
  shared_.bytes_in += bytes.size();
  absl::StatusOr<coordinator::Event> event = Decode(bytes);
  if (event.ok()) {
    Post(*std::move(event), bytes.size());
  } else {
    ++shared_.bad_messages;
  }
  std::lock_guard lock(mutex_);
  reading_ = false;
  if (event.ok()) {
    ReadOn();
  } else {
    CloseLocked(event.status(), /*drop_queue=*/true);
  }
}

void Stream::Send(std::string bytes) {
  std::lock_guard lock(mutex_);
  if (finished_ || closing_) return;
  const Options& o = shared_.options;
  if (queue_.size() >= o.max_send_messages || queued_bytes_ + bytes.size() > o.max_send_bytes) {
    ++shared_.slow_peers;
    return CloseLocked(
        absl::ResourceExhaustedError(absl::StrCat(
            "the edge doesn't read what is sent to it: ", queue_.size(), " messages with ", queued_bytes_,
            " bytes wait; the limits are ", o.max_send_messages, " and ", o.max_send_bytes, ". It may connect again")),
        /*drop_queue=*/true);
  }
  queued_bytes_ += bytes.size();
  ++shared_.messages_out;
  shared_.bytes_out += bytes.size();
  const grpc::Slice slice(bytes);
  queue_.emplace_back(&slice, 1);
  WriteOn();
}

void Stream::WriteOn() {
  if (writing_ || finished_ || queue_.empty()) return;
  writing_ = true;
  StartWrite(&queue_.front());
}

void Stream::OnWriteDone(bool ok) {
  std::lock_guard lock(mutex_);
  writing_ = false;
  if (!queue_.empty()) {
    queued_bytes_ -= std::min(queued_bytes_, queue_.front().Length());
    queue_.pop_front();
  }
  if (!ok) return CloseLocked(absl::UnavailableError("the edge's connection broke"), /*drop_queue=*/true);
  WriteOn();
  FinishWhenIdle();
}

void Stream::Close(absl::Status status) {
  std::lock_guard lock(mutex_);
  CloseLocked(std::move(status), /*drop_queue=*/false);
}

void Stream::CloseLocked(absl::Status status, bool drop_queue) {
  if (!closing_) {
    closing_ = std::move(status);
    close_by_ = shared_.clock.Monotonic() + shared_.options.close_within;
  }
  if (drop_queue) {
    // The one that is being written stays gRPC's until it is done.
    while (queue_.size() > (writing_ ? 1u : 0u)) {
      queued_bytes_ -= std::min(queued_bytes_, queue_.back().Length());
      queue_.pop_back();
    }
  }
  FinishWhenIdle();
}

void Stream::FinishWhenIdle() {
  if (!closing_ || finished_ || writing_ || !queue_.empty()) return;
  finished_ = true;
  Finish(ToGrpc(*closing_));
}

void Stream::OnCancel() {
  std::lock_guard lock(mutex_);
  CloseLocked(absl::CancelledError("the edge has gone"), /*drop_queue=*/true);
}

void Stream::Sweep(absl::Duration now) {
  std::lock_guard lock(mutex_);
  if (done_) return;
  if (!greeted_ && !closing_ && now - began_ > shared_.options.hello_within) {
    return CloseLocked(absl::DeadlineExceededError(
                           absl::StrCat("no Hello within ", absl::FormatDuration(shared_.options.hello_within))),
                       /*drop_queue=*/true);
  }
  if (closing_ && !finished_ && now > close_by_) {
    if (closing_->code() != absl::StatusCode::kResourceExhausted) ++shared_.slow_peers;
    context_.TryCancel();
  }
}

void Stream::OnDone() {
  std::string reason;
  std::shared_ptr<Stream> self;
  {
    std::lock_guard lock(mutex_);
    done_ = true;
    reason = closing_ && !closing_->ok() ? std::string(closing_->message()) : "the edge ended it";
    self = std::move(self_);
  }
  table_.Remove(id_);
  if (std::optional<coordinator::Event> ended = Ended(reason)) shared_.sink.Post(*std::move(ended), {});
}

}  // namespace breakwater::ingest
