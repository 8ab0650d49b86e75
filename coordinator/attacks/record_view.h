// A record as people see it, and as its row of the store.
//
//   v1::AttackView view = ToView(record, now, /*details=*/true);
//   store::Put(StoreKey(record.id), Serialize(record, now));
//
// Pure and thread-safe.
#ifndef BREAKWATER_COORDINATOR_ATTACKS_RECORD_VIEW_H_
#define BREAKWATER_COORDINATOR_ATTACKS_RECORD_VIEW_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "breakwater/v1/admin.pb.h"
#include "coordinator/attacks/record.h"

namespace breakwater::attacks {

inline constexpr std::string_view kFamily = "attack/";
inline constexpr size_t kMaxTimeline = 256;

// details: edges and timeline. Over kMaxTimeline the middle of the timeline is left out, and an entry of kind "left_out"
// says how much.
v1::AttackView ToView(const Record& record, absl::Time now, bool details);

std::string StoreKey(std::string_view id);
std::string Serialize(const Record& record, absl::Time now);
// As it was; whatever was active is taken as heard of at `now`. DataLoss names what is wrong.
absl::StatusOr<Record> Parse(std::string_view bytes, absl::Time now);

}  // namespace breakwater::attacks

#endif  // BREAKWATER_COORDINATOR_ATTACKS_RECORD_VIEW_H_
