// A store whose disk fills up: a small tmpfs of this test's own, in a mount namespace of its own.
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "coordinator/store/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::store {
namespace {

using ::testing::HasSubstr;

// Mounted before RocksDB makes its threads: they live in the namespace of whoever starts them.
class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "full_disk_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr) << std::strerror(errno);
    path_ = pattern;
    // Without root a user namespace of its own gives the right to mount.
    ASSERT_EQ(unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER), 0) << std::strerror(errno);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << std::strerror(errno);
    ASSERT_EQ(mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=24m"), 0) << std::strerror(errno);
  }
  void TearDown() override {
    umount2(path_.c_str(), MNT_DETACH);
    std::filesystem::remove(path_);
  }
  // Takes all the space that is left.
  void Fill() const {
    std::ofstream out(path_ + "/ballast", std::ios::binary | std::ios::app);
    const std::string block(64 << 10, 'x');
    while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
    out.clear();
    while (out.write("x", 1).flush()) {
    }
  }
  void MakeSpace() const { std::filesystem::remove(path_ + "/ballast"); }

  std::string path_;
};

TEST_F(FullDisk, CommitsAreRefusedWholeReadsGoOnAndItRecoversByItself) {
  const std::string directory = path_ + "/db";
  const auto opened = OpenRocksStore(directory);
  ASSERT_TRUE(opened.ok()) << opened.status();
  Store& store = **opened;
  ASSERT_TRUE(store.Commit({Put("rule/kept", "before")}).ok());

  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    const std::string name = std::to_string(round);
    Fill();
    const std::string large(256 << 10, 'y');
    for (int attempt = 0; attempt < 3; ++attempt) {
      const absl::Status refused =
          store.Commit({Put("rule/half-" + name, large), Put("rule/kept", "overwritten"), Delete("rule/kept-0")});
      ASSERT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
      EXPECT_THAT(std::string(refused.message()), HasSubstr(directory));
      EXPECT_THAT(std::string(refused.message()), HasSubstr("the disk is full"));
      EXPECT_THAT(std::string(refused.message()), HasSubstr("Make space"));
    }
    EXPECT_EQ((*store.Get("rule/kept")).value_or(""), "before");
    EXPECT_FALSE(store.Get("rule/half-" + name)->has_value());

    MakeSpace();
    const absl::Status again = store.Commit({Put("rule/kept-" + name, "after")});
    ASSERT_TRUE(again.ok()) << again;
    EXPECT_EQ((*store.Get("rule/kept-" + name)).value_or(""), "after");
  }
  // What was refused isn't there after a restart either.
  ASSERT_TRUE(store.Commit({Put("rule/last", "1")}).ok());
}

TEST_F(FullDisk, WhatWasRefusedStaysAwayAfterARestart) {
  const std::string directory = path_ + "/db";
  {
    const auto opened = OpenRocksStore(directory);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_TRUE((*opened)->Commit({Put("rule/kept", "before")}).ok());
    Fill();
    ASSERT_FALSE((*opened)->Commit({Put("rule/half", std::string(256 << 10, 'y')), Put("rule/kept", "no")}).ok());
    // Ended while the disk is full: a restart finds what was acknowledged.
  }
  MakeSpace();
  const auto opened = OpenRocksStore(directory);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->Get("rule/kept")->value_or(""), "before");
  EXPECT_FALSE((*opened)->Get("rule/half")->has_value());
}

// A write that fails otherwise: here files may not grow any more.
TEST(WriteError, IsToldAndLeftBehindOnceWritingWorks) {
  std::string directory = (std::filesystem::temp_directory_path() / "write_error_test.XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  {
    const auto opened = OpenRocksStore(directory);
    ASSERT_TRUE(opened.ok()) << opened.status();
    Store& store = **opened;
    ASSERT_TRUE(store.Commit({Put("rule/kept", "before")}).ok());
    struct rlimit before {};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small { .rlim_cur = 64 << 10, .rlim_max = before.rlim_max };
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const absl::Status failed = store.Commit({Put("rule/half", std::string(256 << 10, 'y')), Put("rule/kept", "no")});
    const absl::Status again = store.Commit({Put("rule/half", std::string(256 << 10, 'y'))});
    const auto read = store.Get("rule/kept");
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);

    EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable) << failed;
    EXPECT_THAT(std::string(failed.message()), HasSubstr(directory));
    EXPECT_FALSE(again.ok());
    EXPECT_EQ(read->value_or(""), "before");
    const absl::Status works = store.Commit({Put("rule/after", "1")});
    EXPECT_TRUE(works.ok()) << works;
    EXPECT_EQ(store.Get("rule/kept")->value_or(""), "before");
    EXPECT_EQ(store.Get("rule/after")->value_or(""), "1");
    EXPECT_FALSE(store.Get("rule/half")->has_value());
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace breakwater::store
