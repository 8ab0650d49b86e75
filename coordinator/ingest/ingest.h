// The server that edges connect to: sessions and telemetry streams, as events and messages.
//
//   absl::StatusOr<std::unique_ptr<Ingest>> ingest = Ingest::Start({.listen = "0.0.0.0:7442", .tls = material}, sink, clock);
//   (*ingest)->Send(session, message);                 // queued; never waits
//   (*ingest)->Close(session, absl::AbortedError("another session of this edge took over"));
//   (*ingest)->Sweep();                                // once a second
//
// Bounds: messages of 4 MiB, a number of streams, and per stream a queue out and a few events in. Over a bound the stream is
// ended with a status that says why; others aren't touched. Thread-safe.
#ifndef BREAKWATER_COORDINATOR_INGEST_INGEST_H_
#define BREAKWATER_COORDINATOR_INGEST_INGEST_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/tls/credentials.h"
#include "coordinator/ingest/event_sink.h"

namespace breakwater::ingest {

struct Options {
  std::string listen;  // "0.0.0.0:7442"; port 0 takes a free one
  tls::Material tls;
  size_t max_sessions = 2000;  // and as many telemetry streams
  // What waits for one peer to read it; over either the stream is closed with ResourceExhausted.
  size_t max_send_messages = 4096;
  size_t max_send_bytes = size_t{64} << 20;
  size_t max_session_events = 64;   // of one session, that wait for the strand
  size_t max_telemetry_events = 2;  // of one telemetry stream; each holds up to 16 windows
  // Read from all edges and not yet taken by the strand; over it nobody reads on.
  size_t max_waiting_bytes = size_t{256} << 20;
  size_t max_grpc_bytes = size_t{512} << 20;  // in gRPC's own buffers
  absl::Duration hello_within = absl::Seconds(10);
  absl::Duration close_within = absl::Seconds(5);  // to take what is queued for it once it is being closed
};

class Ingest {
 public:
  // Errors: the address is taken or wrong, the certificates are no use.
  static absl::StatusOr<std::unique_ptr<Ingest>> Start(Options options, EventSink& sink, clock::Clock& clock);
  // Cancels all streams and waits for their ends; the sink still gets these.
  ~Ingest();

  uint16_t port() const;
  // To a stream that is gone: nothing happens.
  void Send(coordinator::SessionId session, const v1::CoordinatorMessage& message);
  void SendTelemetry(coordinator::SessionId stream, const v1::TelemetryDown& message);
  // What is queued is still sent, within close_within.
  void Close(coordinator::SessionId session, const absl::Status& status);
  // Ends streams that said no Hello in time or don't take what is sent to them.
  void Sweep();
  // Says goodbye to all sessions: they come back after a random time up to jitter. New ones are refused from now on.
  void GoAway(absl::Duration jitter, const std::string& reason);

  // Since the start, but for the first two.
  struct Stats {
    uint64_t sessions = 0, telemetry_streams = 0;  // now
    uint64_t unauthenticated = 0;                  // refused for their certificate
    uint64_t over_limit = 0;                       // refused for max_sessions, or while going away
    uint64_t bad_messages = 0;                     // not to be decoded or over a bound; each ended its stream
    uint64_t slow_peers = 0;                       // ended since their queue was full or stuck
    uint64_t messages_in = 0, bytes_in = 0, messages_out = 0, bytes_out = 0;
  };
  Stats stats() const;

 private:
  class Impl;
  explicit Ingest(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::ingest

#endif  // BREAKWATER_COORDINATOR_INGEST_INGEST_H_
