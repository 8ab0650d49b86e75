#include <utility>

#include "absl/strings/str_cat.h"
#include "common/fleet/session_wire.h"
#include "common/window/window_wire.h"
#include "coordinator/ingest/stream.h"

namespace breakwater::ingest {
namespace {

absl::StatusOr<window::Window> ReadWindow(const v1::Window& message) {
  if (message.ByteSizeLong() > window::WireBounds::kBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a window has ", message.ByteSizeLong(), " bytes, the limit is ", window::WireBounds::kBytes));
  }
  return window::FromProto(message);
}

// TelemetryService.Stream: windows, each of which may be wrong by itself.
class Telemetry final : public Stream {
 public:
  using Stream::Stream;

 private:
  void OnBegin() override {
    set_greeted();
    Post(coordinator::TelemetryConnected{.stream = id(), .edge = edge()}, 0);
  }

  absl::StatusOr<coordinator::Event> Decode(const std::string& bytes) override {
    v1::TelemetryUp message;
    if (!message.ParseFromString(bytes)) {
      return absl::InvalidArgumentError("what was sent isn't a TelemetryUp of breakwater.v1");
    }
    if (absl::Status s = fleet::CheckTelemetryUp(message); !s.ok()) return s;
    coordinator::WindowsArrived arrived{.stream = id(), .windows = {}, .bytes = bytes.size()};
    arrived.windows.reserve(static_cast<size_t>(message.windows_size()));
    for (const v1::Window& window : message.windows()) arrived.windows.push_back(ReadWindow(window));
    return arrived;
  }

  std::optional<coordinator::Event> Ended(const std::string&) override {
    return coordinator::TelemetryDisconnected{.stream = id()};
  }
};

}  // namespace

std::shared_ptr<Stream> MakeTelemetry(Shared& shared, StreamTable& table, grpc::CallbackServerContext& context,
                                      tls::EdgeIdentity edge) {
  return std::make_shared<Telemetry>(shared, table, context, std::move(edge), shared.options.max_telemetry_events);
}

}  // namespace breakwater::ingest
