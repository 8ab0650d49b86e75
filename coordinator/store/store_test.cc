// What every kind of store has to do, and what the one on disk does besides.
#include "coordinator/store/store.h"

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "coordinator/store/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "store_test.XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> Keys(const Store& store, std::string_view prefix, std::string_view from = {},
                              size_t limit = 1000) {
  std::vector<std::string> keys;
  const absl::Status s = store.Scan(prefix, from, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return keys.size() < limit;
  });
  EXPECT_TRUE(s.ok()) << s;
  return keys;
}

class StoreConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "memory") {
      store_ = MakeMemoryStore();
      return;
    }
    auto opened = OpenRocksStore(directory_.path() + "/db");
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  std::string Value(std::string_view key) {
    const auto got = store_->Get(key);
    EXPECT_TRUE(got.ok()) << got.status();
    return got->value_or("(none)");
  }

  Directory directory_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreConformance, ABatchPutsReplacesAndDeletesTogether) {
  ASSERT_TRUE(store_->Commit({Put("a/1", "one"), Put("a/2", "two")}).ok());
  ASSERT_TRUE(store_->Commit({Put("a/1", "uno"), Delete("a/2"), Put("a/3", "")}).ok());
  EXPECT_EQ(Value("a/1"), "uno");
  EXPECT_EQ(Value("a/2"), "(none)");
  EXPECT_EQ(Value("a/3"), "");
}

TEST_P(StoreConformance, WithinABatchTheLastWriteOfAKeyCounts) {
  ASSERT_TRUE(store_->Commit({Put("k", "1"), Delete("k"), Put("k", "2")}).ok());
  EXPECT_EQ(Value("k"), "2");
  ASSERT_TRUE(store_->Commit({Put("k", "3"), Delete("k")}).ok());
  EXPECT_EQ(Value("k"), "(none)");
}

TEST_P(StoreConformance, DeletingWhatIsNotThereAndCommittingNothingAreFine) {
  EXPECT_TRUE(store_->Commit({Delete("none")}).ok());
  EXPECT_TRUE(store_->Commit({}).ok());
}

TEST_P(StoreConformance, ScansInTheOrderOfBytesWithinThePrefix) {
  const std::string binary("b/\x00\xff", 4);
  ASSERT_TRUE(store_->Commit({Put("b/2", ""), Put("b/10", ""), Put("a/9", ""), Put("c/0", ""), Put(binary, "")}).ok());
  EXPECT_THAT(Keys(*store_, "b/"), ElementsAre(binary, "b/10", "b/2"));
  EXPECT_THAT(Keys(*store_, "b/", "b/1"), ElementsAre("b/10", "b/2"));
  EXPECT_THAT(Keys(*store_, "b/", "b/3"), ElementsAre());
  EXPECT_THAT(Keys(*store_, "b/", "a/"), ElementsAre(binary, "b/10", "b/2"));
  EXPECT_THAT(Keys(*store_, ""), ElementsAre("a/9", binary, "b/10", "b/2", "c/0"));
  EXPECT_THAT(Keys(*store_, "b/", {}, 2), ElementsAre(binary, "b/10"));
}

TEST_P(StoreConformance, KeepsLargeValues) {
  const std::string large(1 << 20, 'x');
  ASSERT_TRUE(store_->Commit({Put("large", large)}).ok());
  EXPECT_EQ(Value("large"), large);
}

TEST_P(StoreConformance, ReadersSeeABatchWholeOrNotAtAll) {
  ASSERT_TRUE(store_->Commit({Put("p/a", "0"), Put("p/b", "0")}).ok());
  std::thread writer([&] {
    for (int i = 1; i <= 100; ++i) {
      const std::string n = std::to_string(i);
      ASSERT_TRUE(store_->Commit({Put("p/a", n), Put("p/b", n)}).ok());
    }
  });
  for (int i = 0; i < 200; ++i) {
    std::vector<std::string> values;
    ASSERT_TRUE(store_
                    ->Scan("p/", {},
                           [&](std::string_view, std::string_view value) {
                             values.emplace_back(value);
                             return true;
                           })
                    .ok());
    ASSERT_EQ(values.size(), 2u);
    EXPECT_EQ(values[0], values[1]);
  }
  writer.join();
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance, ::testing::Values("memory", "rocks"),
                         [](const auto& kind) { return kind.param; });

TEST(RocksStore, KeepsWhatWasCommittedWhenItIsOpenedAgain) {
  const Directory directory;
  for (int run = 0; run < 3; ++run) {
    auto store = OpenRocksStore(directory.path());
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(Keys(**store, "run/").size(), static_cast<size_t>(run));
    ASSERT_TRUE((*store)->Commit({Put("run/" + std::to_string(run), "x")}).ok());
  }
}

TEST(RocksStore, NamesTheDirectoryThatItCannotOpen) {
  const auto store = OpenRocksStore("/proc/no/such/directory");
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("/proc/no/such/directory"));
}

TEST(RocksStore, ASecondOneOnTheSameDirectoryIsRefused) {
  const Directory directory;
  const auto first = OpenRocksStore(directory.path());
  ASSERT_TRUE(first.ok());
  const auto second = OpenRocksStore(directory.path());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("nothing else uses it"));
}

TEST(MemoryStore, FailsWhenToldToAndKeepsNothingOfIt) {
  MemoryStore store;
  ASSERT_TRUE(store.Commit({Put("a", "1")}).ok());
  store.FailCommits(absl::ResourceExhaustedError("no space"));
  EXPECT_EQ(store.Commit({Put("a", "2"), Put("b", "2")}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Keys(store, ""), ElementsAre("a"));
  store.FailCommits(absl::OkStatus());
  EXPECT_TRUE(store.Commit({Put("b", "2")}).ok());
  EXPECT_THAT(Keys(store, ""), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace breakwater::store
