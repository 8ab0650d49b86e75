#include "common/detect/detector.h"

namespace breakwater::detect {

// Twice to three times what the busiest single address receives in ordinary captures of hundreds of protocols, and far
// below what hurts a service. Data of connections and of tunnels comes fast in honest use, connection requests, errors and
// answers that nobody asked for don't.
Floor DefaultFloor(window::Vector vector) {
  switch (vector) {
    case BW_VECTOR_TCP_ACK:
      return {.pps = 20000};
    case BW_VECTOR_UDP_OTHER:
    case BW_VECTOR_UDP_QUIC:
    case BW_VECTOR_UDP_IKE:
    case BW_VECTOR_UDP_L2TP:
      return {.pps = 2000};
    case BW_VECTOR_TCP_SYN:
    case BW_VECTOR_TCP_FIN:
    case BW_VECTOR_UDP_STEAM:
    case BW_VECTOR_UDP_QUAKE:
    case BW_VECTOR_IP_OTHER:
      return {.pps = 1000};
    default:
      return {.pps = 500};
  }
}

DetectorConfig WithScaledFloors(DetectorConfig config, double factor) {
  for (size_t v = 0; v < config.host_floors.size(); ++v) {
    std::optional<Floor>& floor = config.host_floors[v];
    if (!floor) floor = DefaultFloor(static_cast<window::Vector>(v));
    floor->pps *= factor;
    floor->bps *= factor;
  }
  return config;
}

std::string_view AttackStateName(AttackState state) {
  switch (state) {
    case AttackState::kDetected:
      return "detected";
    case AttackState::kMitigating:
      return "mitigating";
    case AttackState::kMitigated:
      return "mitigated";
    case AttackState::kEnded:
      return "ended";
  }
  return "unknown";
}

}  // namespace breakwater::detect
