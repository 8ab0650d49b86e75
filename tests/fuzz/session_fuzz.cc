// Any bytes as each message of a session and of telemetry: the bounds are checked without a crash, and what passes them
// can be written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/fleet/session_wire.h"
#include "common/window/window_wire.h"

namespace {

using namespace breakwater;

void Check(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

template <typename Message>
void Try(std::string_view bytes, absl::Status (*check)(const Message&)) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const absl::Status status = check(message);
  if (!status.ok()) {
    Check(!status.message().empty(), "a refusal without a reason");
    return;
  }
  Message again;
  Check(again.ParseFromString(message.SerializeAsString()), "taken, but can't be read again");
  Check(check(again).ok(), "taken, but not a second time");
}

absl::Status CheckUp(const v1::TelemetryUp& message) {
  if (absl::Status s = fleet::CheckTelemetryUp(message); !s.ok()) return s;
  for (const v1::Window& window : message.windows()) {
    if (const auto read = window::FromProto(window); !read.ok()) return read.status();
  }
  return absl::OkStatus();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Try<v1::EdgeMessage>(bytes, fleet::CheckEdgeMessage);
  Try<v1::CoordinatorMessage>(bytes, fleet::CheckCoordinatorMessage);
  Try<v1::TelemetryUp>(bytes, CheckUp);
  Try<v1::TelemetryDown>(bytes, fleet::CheckTelemetryDown);
  if (const auto manifest = fleet::ParseManifest(bytes); !manifest.ok()) {
    Check(!manifest.status().message().empty(), "a refusal without a reason");
  }
  if (const auto stop = fleet::ParseStop(bytes); !stop.ok()) {
    Check(!stop.status().message().empty(), "a refusal without a reason");
  }
  return 0;
}
