// What the coordinator must not forget: an ordered key space with atomic batches.
//
//   absl::StatusOr<std::unique_ptr<Store>> store = OpenRocksStore("/var/lib/breakwater-coordinator/db");
//   absl::Status s = (*store)->Commit({Put("rule/op-7", bytes), Delete("rule/op-6")});   // durable when it returns ok
//   (*store)->Scan("rule/", [](std::string_view key, std::string_view value) { ... return true; });
//
// CommitQueue (commit_queue.h) gathers batches from the control strand into group commits on a thread of its own. Keys are
// "FAMILY/..."; every family is owned by one folder. Thread-safe.
#ifndef BREAKWATER_COORDINATOR_STORE_STORE_H_
#define BREAKWATER_COORDINATOR_STORE_STORE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace breakwater::store {

struct Write {
  std::string key;
  std::optional<std::string> value;  // nullopt deletes
};
using Batch = std::vector<Write>;

inline Write Put(std::string key, std::string value) { return {std::move(key), std::move(value)}; }
inline Write Delete(std::string key) { return {std::move(key), std::nullopt}; }

class Store {
 public:
  virtual ~Store() = default;
  // All or nothing, on disk when it returns ok. ResourceExhausted: the disk is full; nothing of the batch is kept, and a
  // later Commit works again once there is space.
  virtual absl::Status Commit(const Batch& batch) = 0;
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const = 0;
  // Keys with the prefix, in order, from `from` on (empty: all), until visit returns false.
  virtual absl::Status Scan(std::string_view prefix, std::string_view from,
                            const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
};

absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const std::string& directory);
// In memory, for tests and for coordinators inside a simulation.
std::unique_ptr<Store> MakeMemoryStore();

}  // namespace breakwater::store

#endif  // BREAKWATER_COORDINATOR_STORE_STORE_H_
