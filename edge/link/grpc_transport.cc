#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/fleet.grpc.pb.h"
#include "breakwater/v1/telemetry.grpc.pb.h"
#include "common/fleet/session_wire.h"
#include "edge/link/transport.h"

namespace breakwater::link {
namespace {

constexpr int kKeepaliveMs = 20000;
constexpr int kKeepaliveTimeoutMs = 10000;

absl::Status FromGrpc(const grpc::Status& s, bool unreadable) {
  if (s.ok()) return absl::UnavailableError("the coordinator ended the stream");
  const std::string& text = s.error_message();
  if (s.error_code() == grpc::StatusCode::CANCELLED && unreadable) {
    return absl::OutOfRangeError("the coordinator sent what is no message of this protocol, or broke off");
  }
  // gRPC itself refuses what is over the limit of the channel.
  if (s.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED && text.find("larger than max") != std::string::npos) {
    return absl::OutOfRangeError(absl::StrCat("the coordinator sent a message over the limit: ", text));
  }
  return absl::Status(static_cast<absl::StatusCode>(s.error_code()), text);
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address,
                                       const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  // Sessions and telemetry must not share a connection, and a new attempt not the backoff of the one before.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(fleet::SessionBounds::kMessage));
  arguments.SetMaxSendMessageSize(static_cast<int>(fleet::SessionBounds::kMessage));
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

// Streams that haven't come to their end are counted, so that they can be waited for.
class Count {
 public:
  void Add() {
    std::lock_guard lock(mutex_);
    ++count_;
  }
  void Remove() {
    std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  void WaitForNone() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

class AnyStream {
 public:
  virtual ~AnyStream() = default;
  // No callback comes any more.
  bool done() const { return done_; }

 protected:
  std::atomic<bool> done_{false};
};

// One stream, with the channel it runs over. It must outlive its last callback and be destroyed on no thread of gRPC's: the
// last channel takes those threads with it, and waits for them.
template <typename Out, typename In, typename Read, typename Written, typename Closed>
class Stream : public AnyStream, public grpc::ClientBidiReactor<Out, In> {
 public:
  Stream(uint64_t generation, std::shared_ptr<grpc::Channel> channel, const Transport::Sink& sink, Count& open)
      : generation_(generation), channel_(std::move(channel)), sink_(sink), open_(open) {
    open_.Add();
  }

  grpc::ClientContext& context() { return context_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  uint64_t generation() const { return generation_; }

  // After the stub has bound the call to this.
  void Start() {
    // Reads and writes come from outside of reactions: without a hold the call could end between two of them.
    this->AddHold();
    reading_ = true;
    this->StartRead(&in_);
    this->StartCall();
  }

  void Write(Out message) {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    out_ = std::move(message);
    this->StartWrite(&out_);
  }

  void ReadNext() {
    std::lock_guard lock(mutex_);
    if (ended_ || reading_) return;
    reading_ = true;
    this->StartRead(&in_);
  }

  void Close() {
    context_.TryCancel();
    std::lock_guard lock(mutex_);
    closing_ = true;
    if (!ended_ && !reading_) End();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      // Also when a message couldn't be read, which doesn't end the call by itself.
      context_.TryCancel();
      std::lock_guard lock(mutex_);
      reading_ = false;
      unreadable_ = true;
      if (!ended_) End();
      return;
    }
    In message = std::move(in_);
    in_.Clear();
    {
      std::lock_guard lock(mutex_);
      reading_ = false;
      // It had come before the call was cancelled; nobody asks for another.
      if (closing_ && !ended_) End();
    }
    sink_(Read{generation_, std::move(message)});
  }

  void OnWriteDone(bool ok) override {
    if (ok) sink_(Written{generation_});
  }

  void OnDone(const grpc::Status& status) override {
    sink_(Closed{generation_, FromGrpc(status, unreadable_)});
    Count& open = open_;
    done_ = true;  // from here on this may be gone
    open.Remove();
  }

 private:
  void End() {
    ended_ = true;
    this->RemoveHold();
  }

  const uint64_t generation_;
  const std::shared_ptr<grpc::Channel> channel_;
  const Transport::Sink& sink_;
  Count& open_;
  grpc::ClientContext context_;
  std::mutex mutex_;
  bool reading_ = false;
  bool ended_ = false;
  bool closing_ = false;
  bool unreadable_ = false;
  In in_;
  Out out_;
};

using SessionStream = Stream<v1::EdgeMessage, v1::CoordinatorMessage, SessionRead, SessionWritten, SessionClosed>;
using TelemetryStream = Stream<v1::TelemetryUp, v1::TelemetryDown, TelemetryRead, TelemetryWritten, TelemetryClosed>;

class GrpcTransport : public Transport {
 public:
  GrpcTransport(const tls::Material& material, Sink sink)
      : credentials_(tls::ChannelCredentials(material)), sink_(std::move(sink)) {}

  ~GrpcTransport() override {
    if (session_) session_->Close();
    if (telemetry_) telemetry_->Close();
    open_.WaitForNone();
  }

  void Perform(const OpenSession& action) override {
    if (session_) session_->Close();
    session_ = std::make_shared<SessionStream>(action.generation, Connect(action.address, credentials_), sink_, open_);
    const std::unique_ptr<v1::FleetService::Stub> stub = v1::FleetService::NewStub(session_->channel());
    stub->async()->Session(&session_->context(), session_.get());
    session_->Start();
    Keep(session_);
  }

  void Perform(const OpenTelemetry& action) override {
    if (telemetry_) telemetry_->Close();
    telemetry_ =
        std::make_shared<TelemetryStream>(action.generation, Connect(action.address, credentials_), sink_, open_);
    const std::unique_ptr<v1::TelemetryService::Stub> stub = v1::TelemetryService::NewStub(telemetry_->channel());
    stub->async()->Stream(&telemetry_->context(), telemetry_.get());
    telemetry_->Start();
    Keep(telemetry_);
  }

  void Perform(WriteSession action) override {
    if (session_ && session_->generation() == action.generation) session_->Write(std::move(action.message));
  }
  void Perform(WriteTelemetry action) override {
    if (telemetry_ && telemetry_->generation() == action.generation) telemetry_->Write(std::move(action.message));
  }
  void Perform(const ReadSession& action) override {
    if (session_ && session_->generation() == action.generation) session_->ReadNext();
  }
  void Perform(const ReadTelemetry& action) override {
    if (telemetry_ && telemetry_->generation() == action.generation) telemetry_->ReadNext();
  }
  void Perform(const CloseSession& action) override {
    if (session_ && session_->generation() == action.generation) session_->Close();
  }
  void Perform(const CloseTelemetry& action) override {
    if (telemetry_ && telemetry_->generation() == action.generation) telemetry_->Close();
  }

 private:
  void Keep(std::shared_ptr<AnyStream> stream) {
    std::erase_if(streams_, [](const std::shared_ptr<AnyStream>& s) { return s->done(); });
    streams_.push_back(std::move(stream));
  }

  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const Sink sink_;
  Count open_;
  std::vector<std::shared_ptr<AnyStream>> streams_;  // all that aren't done, and some that are
  std::shared_ptr<SessionStream> session_;
  std::shared_ptr<TelemetryStream> telemetry_;
};

}  // namespace

std::unique_ptr<Transport> NewGrpcTransport(const tls::Material& material, Transport::Sink sink) {
  return std::make_unique<GrpcTransport>(material, std::move(sink));
}

}  // namespace breakwater::link
