// One look at a gateway or an origin: connecting is enough, or an HTTP answer with a status of 200 to 399 is needed.
//
//   Probe probe(check);
//   Talk talk(Endpoint::Tcp(check.address), probe, deadline);     // talk.status().ok(): it is well
#ifndef BREAKWATER_EDGE_ANYCAST_PROBE_H_
#define BREAKWATER_EDGE_ANYCAST_PROBE_H_

#include <string>

#include "edge/anycast/settings.h"
#include "edge/anycast/talk.h"

namespace breakwater::anycast {

class Probe : public Script {
 public:
  explicit Probe(const CheckSettings& check) : check_(check) {}
  absl::StatusOr<bool> OnConnect(std::string& out) override;
  absl::StatusOr<bool> OnInput(std::string_view bytes, std::string& out) override;

 private:
  const CheckSettings& check_;
  std::string head_;  // as far as the status line
};

}  // namespace breakwater::anycast

#endif  // BREAKWATER_EDGE_ANYCAST_PROBE_H_
