// Windows from hostile bytes: refused, or read within bounds; and what was read can be sent again, and merged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/window/window_wire.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace window = breakwater::window;
  const absl::StatusOr<window::Window> w = window::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!w.ok()) {
    Require(!w.status().message().empty());
    return 0;
  }
  const absl::StatusOr<std::string> bytes = window::Serialize(*w);
  Require(bytes.ok());
  const absl::StatusOr<window::Window> again = window::Parse(*bytes);
  Require(again.ok() && *window::Serialize(*again) == *bytes);
  Require(window::SlotsOf(*w).size() == w->slots.size());
  const absl::StatusOr<window::Window> merged = window::Merge(*w, *again, window::MergeOptions{});
  Require(merged.ok());
  for (const auto& [key, sketches] : merged->sketches) Require(sketches.distinct_sources.Estimate() >= 0);
  return 0;
}
