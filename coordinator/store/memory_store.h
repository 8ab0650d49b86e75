// A store in memory, for tests and for coordinators inside a simulation; it fails when it is told to.
//
//   MemoryStore store;
//   store.FailCommits(absl::ResourceExhaustedError("no space"));
//   store.Commit({Put("rule/a", "1")});               // that error, and nothing is kept
//   store.FailCommits(absl::OkStatus());              // works again
//
// Thread-safe.
#ifndef BREAKWATER_COORDINATOR_STORE_MEMORY_STORE_H_
#define BREAKWATER_COORDINATOR_STORE_MEMORY_STORE_H_

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/store/store.h"

namespace breakwater::store {

class MemoryStore : public Store {
 public:
  absl::Status Commit(const Batch& batch) override;
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  absl::Status Scan(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) const override;

  // What every Commit answers from now on; ok = they work.
  void FailCommits(absl::Status status);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> entries_;
  absl::Status failure_;
};

}  // namespace breakwater::store

#endif  // BREAKWATER_COORDINATOR_STORE_MEMORY_STORE_H_
