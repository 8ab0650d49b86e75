// Several tracks as one stream in the order of (time, position in the list).
//
//   Merge merge({&attack, &clean});
//   while (auto item = merge.Next()) Use(item.packet, item.track);
//
// Not thread-safe; the tracks must outlive it.
#ifndef BREAKWATER_EDGE_REPLAY_MERGE_H_
#define BREAKWATER_EDGE_REPLAY_MERGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "edge/replay/track.h"

namespace breakwater::replay {

class Merge {
 public:
  struct Item {
    const Packet* packet = nullptr;  // valid until the next call; null at the end
    size_t track = 0;
    explicit operator bool() const { return packet != nullptr; }
  };

  explicit Merge(std::vector<Track*> tracks);
  Item Next();

 private:
  struct Head {
    const Packet* packet;
    size_t track;
    bool Before(const Head& o) const {
      return packet->time_ns != o.packet->time_ns ? packet->time_ns < o.packet->time_ns : track < o.track;
    }
  };
  void SiftDown(size_t at);

  std::vector<Track*> tracks_;
  std::vector<Head> heap_;   // the earliest first
  bool handed_out_ = false;  // heap_[0] was returned by the last call
};

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_MERGE_H_
