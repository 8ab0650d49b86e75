// Ordinary packets of each vector, as well-known systems send them, so that a detector which has just started never takes
// for an attack's mark what every browser, resolver or phone sends.
//
//   for (const Archetype& a : Archetypes(BW_VECTOR_TCP_SYN, /*v4=*/true)) ...
//
// Made once from fixed seeds; each call returns the same packets. Thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_ARCHETYPES_H_
#define BREAKWATER_COMMON_DETECT_ARCHETYPES_H_

#include <bitset>
#include <span>

#include "common/detect/features.h"
#include "common/window/vector.h"

namespace breakwater::detect {

struct Archetype {
  FeatureRow row;
  // Features whose value says nothing: the service's port, addresses. A comparison on them counts as matched.
  std::bitset<kFeatureCount> any;
};

std::span<const Archetype> Archetypes(window::Vector vector, bool v4);

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_ARCHETYPES_H_
