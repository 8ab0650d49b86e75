// Captures of any content: whatever the bytes, reading ends, time never goes back, and no frame is larger than libpcap's
// largest packet.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "edge/replay/capture.h"
#include "edge/replay/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using breakwater::replay::CaptureReader;
  constexpr uint64_t kMaxDecoded = 1 << 20;
  constexpr size_t kMaxFrame = 16 << 20;
  static const int file = memfd_create("capture", MFD_CLOEXEC);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  auto reader = CaptureReader::Open("/proc/self/fd/" + std::to_string(file), kMaxDecoded);
  if (!reader.ok()) return 0;
  int64_t last = 0;
  while (const breakwater::replay::Packet* packet = (*reader)->Next()) {
    if (packet->time_ns < last || packet->time_ns > breakwater::replay::kMaxTimeNs) std::abort();
    if (packet->frame.size() > kMaxFrame) std::abort();
    last = packet->time_ns;
    breakwater::replay::ReadFrame(packet->frame);
  }
  (*reader)->note();
  return 0;
}
