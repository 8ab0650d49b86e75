#include "coordinator/store/commit_queue.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/store/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::store {
namespace {

using ::testing::HasSubstr;

// Holds each commit until it is let through.
class GatedStore : public MemoryStore {
 public:
  absl::Status Commit(const Batch& batch) override {
    std::unique_lock lock(gate_);
    ++arrived_;
    moved_.notify_all();
    moved_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
    batches_.push_back(batch.size());
    return MemoryStore::Commit(batch);
  }
  void Allow(int commits) {
    const std::lock_guard lock(gate_);
    allowed_ += commits;
    moved_.notify_all();
  }
  void AwaitArrival(int commits) {
    std::unique_lock lock(gate_);
    moved_.wait(lock, [&] { return arrived_ >= commits; });
  }
  std::vector<size_t> batches() {
    const std::lock_guard lock(gate_);
    return batches_;
  }

 private:
  std::mutex gate_;
  std::condition_variable moved_;
  int arrived_ = 0;
  int allowed_ = 0;
  std::vector<size_t> batches_;
};

struct Outcome {
  uint64_t ticket;
  absl::StatusCode code;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

TEST(CommitQueue, BatchesThatWaitBecomeOneWriteInOrder) {
  GatedStore store;
  std::vector<Outcome> outcomes;
  {
    CommitQueue queue(store, {}, [&](uint64_t ticket, const absl::Status& s) {
      outcomes.push_back({ticket, s.code()});
    });
    ASSERT_TRUE(queue.Add(1, {Put("k", "1")}).ok());
    store.AwaitArrival(1);
    for (uint64_t ticket = 2; ticket <= 5; ++ticket) {
      ASSERT_TRUE(queue.Add(ticket, {Put("k", std::to_string(ticket)), Put("n" + std::to_string(ticket), "")}).ok());
    }
    store.Allow(2);
    store.AwaitArrival(2);
  }
  EXPECT_EQ(store.batches(), (std::vector<size_t>{1, 8}));
  EXPECT_EQ(outcomes, (std::vector<Outcome>{{1, absl::StatusCode::kOk},
                                            {2, absl::StatusCode::kOk},
                                            {3, absl::StatusCode::kOk},
                                            {4, absl::StatusCode::kOk},
                                            {5, absl::StatusCode::kOk}}));
  EXPECT_EQ(**store.Get("k"), "5");
}

TEST(CommitQueue, AGroupIsBoundedInBytes) {
  GatedStore store;
  {
    CommitQueue queue(store, {.max_group_bytes = 10}, [](uint64_t, const absl::Status&) {});
    ASSERT_TRUE(queue.Add(1, {Put("a", "")}).ok());
    store.AwaitArrival(1);
    ASSERT_TRUE(queue.Add(2, {Put("b", std::string(20, 'x'))}).ok());  // larger than a group: alone
    ASSERT_TRUE(queue.Add(3, {Put("c", "1234")}).ok());
    ASSERT_TRUE(queue.Add(4, {Put("d", "1234")}).ok());
    ASSERT_TRUE(queue.Add(5, {Put("e", "1234")}).ok());
    store.Allow(10);
  }
  EXPECT_EQ(store.batches(), (std::vector<size_t>{1, 1, 2, 1}));
}

TEST(CommitQueue, OverItsBoundItRefusesAndLaterTakesAgain) {
  GatedStore store;
  std::vector<Outcome> outcomes;
  CommitQueue queue(store, {.max_waiting = 2, .max_waiting_bytes = 100}, [&](uint64_t ticket, const absl::Status& s) {
    outcomes.push_back({ticket, s.code()});
  });
  ASSERT_TRUE(queue.Add(1, {Put("a", "")}).ok());
  store.AwaitArrival(1);
  ASSERT_TRUE(queue.Add(2, {Put("b", "")}).ok());
  const absl::Status bytes = queue.Add(3, {Put("c", std::string(200, 'x'))});
  EXPECT_EQ(bytes.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(bytes.message()), HasSubstr("the limits are 2 and 100"));
  ASSERT_TRUE(queue.Add(4, {Put("d", "")}).ok());
  EXPECT_EQ(queue.Add(5, {Put("e", "")}).code(), absl::StatusCode::kResourceExhausted);
  store.Allow(1);
  store.AwaitArrival(2);
  EXPECT_TRUE(queue.Add(6, {Put("f", "")}).ok());
  store.Allow(10);
}

TEST(CommitQueue, AFailedWriteIsToldToItsWholeGroupAndTheNextOneWorks) {
  GatedStore store;
  std::vector<Outcome> outcomes;
  {
    CommitQueue queue(store, {}, [&](uint64_t ticket, const absl::Status& s) {
      outcomes.push_back({ticket, s.code()});
    });
    store.FailCommits(absl::ResourceExhaustedError("full"));
    ASSERT_TRUE(queue.Add(1, {Put("a", "")}).ok());
    store.AwaitArrival(1);
    ASSERT_TRUE(queue.Add(2, {Put("b", "")}).ok());
    ASSERT_TRUE(queue.Add(3, {Put("c", "")}).ok());
    store.Allow(2);
    store.AwaitArrival(2);
  }
  {
    CommitQueue queue(store, {}, [&](uint64_t ticket, const absl::Status& s) {
      outcomes.push_back({ticket, s.code()});
    });
    store.FailCommits(absl::OkStatus());
    store.Allow(1);
    ASSERT_TRUE(queue.Add(4, {Put("d", "")}).ok());
  }
  EXPECT_EQ(outcomes, (std::vector<Outcome>{{1, absl::StatusCode::kResourceExhausted},
                                            {2, absl::StatusCode::kResourceExhausted},
                                            {3, absl::StatusCode::kResourceExhausted},
                                            {4, absl::StatusCode::kOk}}));
  EXPECT_FALSE(store.Get("b")->has_value());
  EXPECT_TRUE(store.Get("d")->has_value());
}

}  // namespace
}  // namespace breakwater::store
