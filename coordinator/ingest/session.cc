#include <utility>

#include "common/fleet/session_wire.h"
#include "coordinator/ingest/stream.h"

namespace breakwater::ingest {
namespace {

// FleetService.Session: a Hello first, then whatever an edge has to say.
class Session final : public Stream {
 public:
  using Stream::Stream;

 private:
  absl::StatusOr<coordinator::Event> Decode(const std::string& bytes) override {
    const absl::Time received = shared().clock.Now();
    v1::EdgeMessage message;
    if (!message.ParseFromString(bytes)) {
      return absl::InvalidArgumentError("what was sent isn't an EdgeMessage of breakwater.v1");
    }
    if (absl::Status s = fleet::CheckEdgeMessage(message); !s.ok()) return s;
    if (!greeted()) {
      if (!message.has_hello()) return absl::FailedPreconditionError("a session begins with a Hello");
      set_greeted();
      return coordinator::EdgeConnected{
          .session = id(), .edge = edge(), .hello = std::move(*message.mutable_hello()), .peer = Peer()};
    }
    if (message.has_hello()) return absl::FailedPreconditionError("a second Hello in one session");
    return coordinator::EdgeSaid{.session = id(), .message = std::move(message), .received = received};
  }

  std::optional<coordinator::Event> Ended(const std::string& reason) override {
    if (!greeted()) return std::nullopt;
    return coordinator::EdgeDisconnected{.session = id(), .reason = reason};
  }
};

}  // namespace

std::shared_ptr<Stream> MakeSession(Shared& shared, StreamTable& table, grpc::CallbackServerContext& context,
                                    tls::EdgeIdentity edge) {
  return std::make_shared<Session>(shared, table, context, std::move(edge), shared.options.max_session_events);
}

}  // namespace breakwater::ingest
