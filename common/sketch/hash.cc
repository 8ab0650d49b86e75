#include "common/sketch/hash.h"

#include <xxhash.h>

namespace breakwater::sketch {

uint64_t Hash(uint64_t seed, std::span<const uint8_t> bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace breakwater::sketch
