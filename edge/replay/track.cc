#include "edge/replay/track.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace breakwater::replay {

void PacketStore::Add(const Packet& packet) {
  const size_t size = packet.frame.size();
  if (block_size_ - block_used_ < size) {
    block_size_ = std::max(kBlock, size);
    block_used_ = 0;
    blocks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(block_size_));
  }
  uint8_t* data = blocks_.empty() ? nullptr : blocks_.back().get() + block_used_;
  if (size > 0) std::memcpy(data, packet.frame.data(), size);
  block_used_ += size;
  records_.push_back({packet.time_ns, data, size});
  memory_bytes_ += size + sizeof(Record);
}

Track::Track(std::string path, uint64_t loops, const TrackLimits& limits)
    : path_(std::move(path)), loops_left_(loops), limits_(limits) {
  Open();
  if (reader_ == nullptr) return;
  while (store_.memory_bytes() < limits_.memory_bytes) {
    const Packet* packet = reader_->Next();
    if (packet == nullptr) {
      CloseReader();
      return;
    }
    store_.Add(*packet);
  }
  streamed_ = true;
}

void Track::Open() {
  absl::StatusOr<std::unique_ptr<CaptureReader>> reader = CaptureReader::Open(path_, limits_.max_decoded_bytes);
  if (reader.ok()) {
    reader_ = *std::move(reader);
  } else {
    status_.Update(reader.status());
  }
}

void Track::CloseReader() {
  status_.Update(reader_->status());
  note_ = reader_->note();
  reader_ = nullptr;
}

const Packet* Track::NextOfLoop() {
  if (position_ < store_.records().size()) {
    const PacketStore::Record& record = store_.records()[position_];
    packet_ = {record.time_ns, {record.data, record.size}};
  } else {
    const Packet* packet = reader_ != nullptr ? reader_->Next() : nullptr;
    if (packet == nullptr) return nullptr;
    packet_ = *packet;
  }
  ++position_;
  last_of_loop_ = packet_.time_ns;
  packet_.time_ns = std::min(packet_.time_ns + loop_start_, kMaxTimeNs);
  return &packet_;
}

const Packet* Track::Next() {
  while (loops_left_ > 0) {
    if (const Packet* packet = NextOfLoop()) return packet;
    const bool can_reopen = reader_ == nullptr || !reader_->once_only();
    if (reader_ != nullptr) CloseReader();
    --loops_left_;
    if (position_ == 0 || loops_left_ == 0) break;
    const int64_t gap = position_ > 1 ? last_of_loop_ / static_cast<int64_t>(position_ - 1) : 0;
    loop_start_ = std::min(loop_start_ + last_of_loop_ + (gap > 0 ? gap : kLoneGapNs), kMaxTimeNs);
    position_ = 0;
    if (!streamed_) continue;
    if (!can_reopen) {
      status_.Update(absl::FailedPreconditionError(
          absl::StrCat("is a pipe of more than ", limits_.memory_bytes, " bytes and can't be read again for --loop")));
      break;
    }
    Open();
    // The store holds the beginning.
    for (size_t i = 0; reader_ != nullptr && i < store_.records().size(); ++i) {
      if (reader_->Next() == nullptr) break;
    }
  }
  loops_left_ = 0;
  return nullptr;
}

}  // namespace breakwater::replay
