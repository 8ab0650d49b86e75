#include "coordinator/ingest/ingest.h"

#include <grpcpp/resource_quota.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/fleet.grpc.pb.h"
#include "breakwater/v1/telemetry.grpc.pb.h"
#include "common/fleet/session_wire.h"
#include "coordinator/ingest/stream.h"

namespace breakwater::ingest {
namespace {

constexpr std::chrono::seconds kShutdownWithin(2);

using MakeStream = std::shared_ptr<Stream> (*)(Shared&, StreamTable&, grpc::CallbackServerContext&, tls::EdgeIdentity);

RawReactor* Accept(Shared& shared, StreamTable& table, grpc::CallbackServerContext& context, MakeStream make) {
  absl::StatusOr<tls::EdgeIdentity> edge = tls::EdgeOf(*context.auth_context());
  if (!edge.ok()) {
    ++shared.unauthenticated;
    return new RefusedStream(edge.status());
  }
  if (shared.going_away) {
    ++shared.over_limit;
    return new RefusedStream(absl::UnavailableError("the coordinator is stopping"));
  }
  std::shared_ptr<Stream> stream = make(shared, table, context, *std::move(edge));
  if (!table.Add(stream, shared.options.max_sessions)) {
    ++shared.over_limit;
    return new RefusedStream(absl::ResourceExhaustedError(absl::StrCat(
        "the coordinator has ", shared.options.max_sessions, " streams of this kind, its limit (edges.max_sessions)")));
  }
  stream->Begin();
  return stream.get();
}

class FleetImpl final : public v1::FleetService::WithRawCallbackMethod_Session<
                            v1::FleetService::WithCallbackMethod_Enroll<v1::FleetService::Service>> {
 public:
  FleetImpl(Shared& shared, StreamTable& table) : shared_(shared), table_(table) {}

  RawReactor* Session(grpc::CallbackServerContext* context) override {
    return Accept(shared_, table_, *context, MakeSession);
  }

  grpc::ServerUnaryReactor* Enroll(grpc::CallbackServerContext* context, const v1::EnrollRequest*,
                                   v1::EnrollResponse*) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish({grpc::StatusCode::UNIMPLEMENTED,
                     "this coordinator enrols no edges; have your CA sign a certificate with the URI "
                     "breakwater://edge/REGION/ID and name its files in the edge's configuration"});
    return reactor;
  }

 private:
  Shared& shared_;
  StreamTable& table_;
};

class TelemetryImpl final : public v1::TelemetryService::WithRawCallbackMethod_Stream<v1::TelemetryService::Service> {
 public:
  TelemetryImpl(Shared& shared, StreamTable& table) : shared_(shared), table_(table) {}

  RawReactor* Stream(grpc::CallbackServerContext* context) override {
    return Accept(shared_, table_, *context, MakeTelemetry);
  }

 private:
  Shared& shared_;
  StreamTable& table_;
};

}  // namespace

class Ingest::Impl {
 public:
  Impl(Options options, EventSink& sink, clock::Clock& clock)
      : shared_(std::move(options), sink, clock), fleet_(shared_, sessions_), telemetry_(shared_, streams_) {}

  ~Impl() {
    if (server_ == nullptr) return;
    shared_.going_away = true;
    for (const StreamTable* table : {&sessions_, &streams_}) {
      for (const auto& stream : table->All()) stream->Close(absl::UnavailableError("the coordinator is stopping"));
    }
    server_->Shutdown(std::chrono::system_clock::now() + kShutdownWithin);
    server_->Wait();
  }

  absl::Status Open() {
    const Options& o = shared_.options;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(o.listen, tls::ServerCredentials(o.tls), &port_);
    builder.RegisterService(&fleet_);
    builder.RegisterService(&telemetry_);
    builder.SetMaxReceiveMessageSize(static_cast<int>(fleet::SessionBounds::kMessage));
    builder.SetMaxSendMessageSize(static_cast<int>(fleet::SessionBounds::kMessage));
    grpc::ResourceQuota quota("edges");
    quota.Resize(o.max_grpc_bytes);
    builder.SetResourceQuota(quota);
    // One address, one server: a second process on the port is a mistake, not a helper.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // A peer that vanished without a word is noticed within 15 s; edges may ask as often.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 8);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      server_.reset();
      return absl::UnavailableError(absl::StrCat(
          "can't listen for edges on ", o.listen,
          ": the address is taken or isn't this machine's, or the certificate and its key don't fit together"));
    }
    return absl::OkStatus();
  }

  Shared shared_;
  StreamTable sessions_;
  StreamTable streams_;
  FleetImpl fleet_;
  TelemetryImpl telemetry_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

Ingest::Ingest(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ingest::~Ingest() = default;

absl::StatusOr<std::unique_ptr<Ingest>> Ingest::Start(Options options, EventSink& sink, clock::Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(options), sink, clock);
  if (absl::Status s = impl->Open(); !s.ok()) return s;
  return std::unique_ptr<Ingest>(new Ingest(std::move(impl)));
}

uint16_t Ingest::port() const { return static_cast<uint16_t>(impl_->port_); }

void Ingest::Send(coordinator::SessionId session, const v1::CoordinatorMessage& message) {
  if (const std::shared_ptr<Stream> stream = impl_->sessions_.Find(session)) stream->Send(message.SerializeAsString());
}

void Ingest::SendTelemetry(coordinator::SessionId id, const v1::TelemetryDown& message) {
  if (const std::shared_ptr<Stream> stream = impl_->streams_.Find(id)) stream->Send(message.SerializeAsString());
}

void Ingest::Close(coordinator::SessionId session, const absl::Status& status) {
  for (const StreamTable* table : {&impl_->sessions_, &impl_->streams_}) {
    if (const std::shared_ptr<Stream> stream = table->Find(session)) stream->Close(status);
  }
}

void Ingest::Sweep() {
  const absl::Duration now = impl_->shared_.clock.Monotonic();
  for (const StreamTable* table : {&impl_->sessions_, &impl_->streams_}) {
    for (const std::shared_ptr<Stream>& stream : table->All()) stream->Sweep(now);
  }
}

void Ingest::GoAway(absl::Duration jitter, const std::string& reason) {
  impl_->shared_.going_away = true;
  v1::CoordinatorMessage message;
  v1::GoAway& away = *message.mutable_go_away();
  away.set_jitter_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(jitter)));
  away.set_reason(reason);
  for (const std::shared_ptr<Stream>& stream : impl_->sessions_.All()) {
    stream->Send(message.SerializeAsString());
    stream->Close(absl::UnavailableError(reason));
  }
}

Ingest::Stats Ingest::stats() const {
  const Shared& s = impl_->shared_;
  return {.sessions = impl_->sessions_.size(),
          .telemetry_streams = impl_->streams_.size(),
          .unauthenticated = s.unauthenticated,
          .over_limit = s.over_limit,
          .bad_messages = s.bad_messages,
          .slow_peers = s.slow_peers,
          .messages_in = s.messages_in,
          .bytes_in = s.bytes_in,
          .messages_out = s.messages_out,
          .bytes_out = s.bytes_out};
}

}  // namespace breakwater::ingest
