#include "edge/replay/merge.h"

#include <utility>

namespace breakwater::replay {

Merge::Merge(std::vector<Track*> tracks) : tracks_(std::move(tracks)) {
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (const Packet* packet = tracks_[i]->Next()) heap_.push_back({packet, i});
  }
  for (size_t i = heap_.size() / 2; i-- > 0;) SiftDown(i);
}

void Merge::SiftDown(size_t at) {
  for (;;) {
    size_t first = at;
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap_.size(); ++child) {
      if (heap_[child].Before(heap_[first])) first = child;
    }
    if (first == at) return;
    std::swap(heap_[at], heap_[first]);
    at = first;
  }
}

Merge::Item Merge::Next() {
  if (handed_out_) {
    heap_[0].packet = tracks_[heap_[0].track]->Next();
    if (heap_[0].packet == nullptr) {
      heap_[0] = heap_.back();
      heap_.pop_back();
    }
    if (!heap_.empty()) SiftDown(0);
  }
  handed_out_ = !heap_.empty();
  if (!handed_out_) return {};
  return {heap_[0].packet, heap_[0].track};
}

}  // namespace breakwater::replay
