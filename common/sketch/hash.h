// The one hash function of all sketches: XXH3 with a seed. Sketches merge only when their seeds agree, so a seed is
// fixed per fleet epoch and travels with each sketch; an attacker who doesn't know it can't aim at collisions.
//
//   uint64_t h = sketch::Hash(seed, bytes);
//
// The same on every machine for the same bytes. Pure and thread-safe.
#ifndef BREAKWATER_COMMON_SKETCH_HASH_H_
#define BREAKWATER_COMMON_SKETCH_HASH_H_

#include <cstdint>
#include <limits>
#include <span>

namespace breakwater::sketch {

uint64_t Hash(uint64_t seed, std::span<const uint8_t> bytes);

// Counts stop at the largest number rather than starting again at zero.
inline uint64_t AddSaturating(uint64_t a, uint64_t b) {
  return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max() : a + b;
}

}  // namespace breakwater::sketch

#endif  // BREAKWATER_COMMON_SKETCH_HASH_H_
