// One stream of an edge, of either kind, over gRPC's callback API. Internal to this folder.
//
// Bytes rather than messages go through gRPC, so that what can't be decoded gets an answer that says so, and so that the
// queue's size is known. Lives from the call's start to its OnDone; the table may hold it longer.
#ifndef BREAKWATER_COORDINATOR_INGEST_STREAM_H_
#define BREAKWATER_COORDINATOR_INGEST_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/ingest/ingest.h"

namespace breakwater::ingest {

class Stream;

// How much may have been read and not been taken by the strand, over all streams. One that wants to read over it is kept
// until there is room. Thread-safe.
class Budget {
 public:
  explicit Budget(size_t bytes) : bytes_(bytes) {}
  // Whether the stream may read now.
  bool Enter(const std::shared_ptr<Stream>& stream);
  void Add(size_t bytes);
  // Those that may read now.
  std::vector<std::shared_ptr<Stream>> Take(size_t bytes);

 private:
  const size_t bytes_;
  std::mutex mutex_;
  size_t waiting_ = 0;
  std::vector<std::shared_ptr<Stream>> kept_;
};

// What all streams of a server share. Thread-safe.
struct Shared {
  Shared(Options o, EventSink& s, clock::Clock& c)
      : options(std::move(o)), sink(s), clock(c), budget(options.max_waiting_bytes) {}

  const Options options;
  EventSink& sink;
  clock::Clock& clock;
  Budget budget;
  std::atomic<uint64_t> next_id{1};
  std::atomic<bool> going_away{false};
  std::atomic<uint64_t> unauthenticated{0}, over_limit{0}, bad_messages{0}, slow_peers{0};
  std::atomic<uint64_t> messages_in{0}, bytes_in{0}, messages_out{0}, bytes_out{0};
};

class StreamTable {
 public:
  // False: the table is full.
  bool Add(std::shared_ptr<Stream> stream, size_t limit);
  void Remove(coordinator::SessionId id);
  std::shared_ptr<Stream> Find(coordinator::SessionId id) const;
  std::vector<std::shared_ptr<Stream>> All() const;
  size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::map<coordinator::SessionId, std::shared_ptr<Stream>> streams_;
};

using RawReactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

class Stream : public RawReactor, public std::enable_shared_from_this<Stream> {
 public:
  Stream(Shared& shared, StreamTable& table, grpc::CallbackServerContext& context, tls::EdgeIdentity edge,
         size_t max_events);

  coordinator::SessionId id() const { return id_; }
  // Once, before the reactor is given to gRPC.
  void Begin();
  void Send(std::string bytes);
  void Close(absl::Status status);
  void Sweep(absl::Duration now);
  // There is room again for what it would read.
  void Resume();

 protected:
  Shared& shared() { return shared_; }
  const tls::EdgeIdentity& edge() const { return edge_; }
  std::string Peer() const { return context_.peer(); }
  bool greeted() const { return greeted_; }
  void set_greeted() { greeted_ = true; }

  // The event that these bytes mean, or what is wrong with them, which ends the stream. Never at the same time as itself.
  virtual absl::StatusOr<coordinator::Event> Decode(const std::string& bytes) = 0;
  // What control hears once the stream is over; none when it never heard of its beginning.
  virtual std::optional<coordinator::Event> Ended(const std::string& reason) = 0;
  // Of a stream that doesn't wait for a Hello.
  virtual void OnBegin() {}
  // bytes: what was read for it.
  void Post(coordinator::Event event, size_t bytes);

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void EventTaken(size_t bytes);
  // All with the lock held.
  void ReadOn();
  void WriteOn();
  void CloseLocked(absl::Status status, bool drop_queue);
  void FinishWhenIdle();

  Shared& shared_;
  StreamTable& table_;
  grpc::CallbackServerContext& context_;
  const coordinator::SessionId id_;
  const tls::EdgeIdentity edge_;
  const size_t max_events_;
  const absl::Duration began_;
  std::atomic<bool> greeted_{false};

  std::mutex mutex_;
  std::shared_ptr<Stream> self_;  // until OnDone
  grpc::ByteBuffer up_;
  bool reading_ = false;
  bool kept_ = false;                   // from reading, by the budget
  size_t events_ = 0;                   // that wait for the strand
  std::deque<grpc::ByteBuffer> queue_;  // the first is being written while writing_
  size_t queued_bytes_ = 0;
  bool writing_ = false;
  std::optional<absl::Status> closing_;
  absl::Duration close_by_;
  bool finished_ = false;
  bool done_ = false;
};

// Ends a call before it began.
class RefusedStream : public RawReactor {
 public:
  explicit RefusedStream(const absl::Status& status);
  void OnDone() override { delete this; }
};

grpc::Status ToGrpc(const absl::Status& status);

std::shared_ptr<Stream> MakeSession(Shared& shared, StreamTable& table, grpc::CallbackServerContext& context,
                                    tls::EdgeIdentity edge);
std::shared_ptr<Stream> MakeTelemetry(Shared& shared, StreamTable& table, grpc::CallbackServerContext& context,
                                      tls::EdgeIdentity edge);

}  // namespace breakwater::ingest

#endif  // BREAKWATER_COORDINATOR_INGEST_STREAM_H_
