#include "coordinator/store/memory_store.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace breakwater::store {

absl::Status MemoryStore::Commit(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  for (const Write& write : batch) {
    if (write.value.has_value()) {
      entries_.insert_or_assign(write.key, *write.value);
    } else {
      entries_.erase(write.key);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return std::optional<std::string>();
  return std::optional<std::string>(it->second);
}

absl::Status MemoryStore::Scan(std::string_view prefix, std::string_view from,
                               const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  // A copy, so that visit may use the store.
  std::vector<std::pair<std::string, std::string>> found;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = entries_.lower_bound(std::max(prefix, from)); it != entries_.end() && it->first.starts_with(prefix);
         ++it) {
      found.push_back(*it);
    }
  }
  for (const auto& [key, value] : found) {
    if (!visit(key, value)) break;
  }
  return absl::OkStatus();
}

void MemoryStore::FailCommits(absl::Status status) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(status);
}

std::unique_ptr<Store> MakeMemoryStore() { return std::make_unique<MemoryStore>(); }

}  // namespace breakwater::store
