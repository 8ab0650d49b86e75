#include "edge/app/durable_record.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/service/fake_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::app {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DurableRecord Record(service::Files& files) { return DurableRecord(files, "/state", "rules"); }

TEST(DurableRecord, AFirstStartFindsNothingAndNoProblem) {
  service::FakeFiles files;
  const DurableRecord::ReadResult r = Record(files).Read();
  EXPECT_FALSE(r.payload);
  EXPECT_THAT(r.problems, IsEmpty());
}

TEST(DurableRecord, ReadsWhatWasWritten) {
  service::FakeFiles files;
  DurableRecord record = Record(files);
  for (const std::string& payload :
       {std::string(), std::string("a"), std::string(100000, 'x'), std::string("\0\xff\n", 3)}) {
    ASSERT_TRUE(record.Write(payload).ok());
    const DurableRecord::ReadResult r = record.Read();
    ASSERT_TRUE(r.payload);
    EXPECT_EQ(*r.payload, payload);
    EXPECT_FALSE(r.from_previous);
    EXPECT_THAT(r.problems, IsEmpty());
  }
}

TEST(DurableRecord, AChangeOfAnyByteIsNoticed) {
  const std::string good = DurableRecord::Encode("the last good rules");
  for (size_t i = 0; i < good.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      EXPECT_FALSE(DurableRecord::Decode(bad).ok()) << "byte " << i;
    }
  }
}

TEST(DurableRecord, AnyTruncationOrAdditionIsNoticed) {
  const std::string good = DurableRecord::Encode("the last good rules");
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_EQ(DurableRecord::Decode(good.substr(0, n)).status().code(), absl::StatusCode::kDataLoss) << n;
  }
  EXPECT_FALSE(DurableRecord::Decode(good + "x").ok());
}

TEST(DurableRecord, ADamagedFileGivesTheOneBeforeAndIsSetAside) {
  const std::string good = DurableRecord::Encode("new");
  for (size_t i = 0; i < good.size(); ++i) {
    service::FakeFiles files;
    DurableRecord record = Record(files);
    ASSERT_TRUE(record.Write("old").ok());
    ASSERT_TRUE(record.Write("new").ok());
    std::string bad = good;
    bad[i] = static_cast<char>(~bad[i]);
    files.Put("/state/rules", bad);
    const DurableRecord::ReadResult r = record.Read();
    ASSERT_TRUE(r.payload) << i;
    EXPECT_EQ(*r.payload, "old");
    EXPECT_TRUE(r.from_previous);
    ASSERT_THAT(r.problems, SizeIs(1));
    EXPECT_THAT(std::string(r.problems[0].message()), HasSubstr("kept as /state/rules.damaged"));
    // The next write must not turn the damaged file into the one before.
    ASSERT_TRUE(record.Write("newer").ok());
    EXPECT_EQ(*record.Read().payload, "newer");
    EXPECT_EQ(*DurableRecord::Decode(files.All().at("/state/rules.1")), "old");
  }
}

TEST(DurableRecord, BothDamagedIsAStartWithoutRules) {
  service::FakeFiles files;
  files.Put("/state/rules", "garbage");
  files.Put("/state/rules.1", "");
  const DurableRecord::ReadResult r = Record(files).Read();
  EXPECT_FALSE(r.payload);
  EXPECT_THAT(r.problems, SizeIs(2));
}

TEST(DurableRecord, ANewerVersionIsSaidSo) {
  // A record as a later version would write it: its checksum is right.
  const std::string good = DurableRecord::Encode("future");
  service::FakeFiles files;
  DurableRecord record = Record(files);
  ASSERT_TRUE(record.Write("old").ok());
  ASSERT_TRUE(record.Write("present").ok());
  std::string future = DurableRecord::EncodeVersion("future", DurableRecord::kVersion + 1);
  ASSERT_EQ(future.size(), good.size());
  files.Put("/state/rules", future);
  const DurableRecord::ReadResult r = record.Read();
  EXPECT_EQ(*r.payload, "old");
  ASSERT_THAT(r.problems, SizeIs(1));
  EXPECT_EQ(r.problems[0].code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(r.problems[0].message()), HasSubstr("newer program"));
  EXPECT_EQ(files.All().at("/state/rules.newer"), future);
}

TEST(DurableRecord, APowerCutAtAnyStepLeavesTheOldOrTheNewRecord) {
  int steps = 0;
  for (bool finished = false; !finished; ++steps) {
    service::FakeFiles files;
    DurableRecord record = Record(files);
    ASSERT_TRUE(record.Write("older").ok());
    ASSERT_TRUE(record.Write("old").ok());
    files.CutPowerAfter(steps);
    finished = record.Write("new").ok();
    files.Restart();
    const DurableRecord::ReadResult r = record.Read();
    ASSERT_TRUE(r.payload) << "after " << steps << " steps";
    EXPECT_THAT(*r.payload, AnyOf("new", finished ? "new" : "old")) << "after " << steps << " steps";
    EXPECT_THAT(r.problems, IsEmpty()) << "after " << steps << " steps";
    // And writing goes on from there.
    ASSERT_TRUE(record.Write("next").ok());
    EXPECT_EQ(*record.Read().payload, "next");
  }
  EXPECT_GE(steps, 7) << "a write has fewer steps than it should";
}

TEST(DurableRecord, AFullDiskKeepsTheOldRecordAndFreesItsSpace) {
  service::FakeFiles files;
  DurableRecord record = Record(files);
  ASSERT_TRUE(record.Write("old").ok());
  files.SetCapacity(100);
  const absl::Status s = record.Write(std::string(1000, 'x'));
  EXPECT_EQ(s.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*record.Read().payload, "old");
  EXPECT_FALSE(files.All().contains("/state/rules.tmp"));
  files.SetCapacity(SIZE_MAX);
  ASSERT_TRUE(record.Write(std::string(1000, 'x')).ok());
}

TEST(DurableRecord, ARecordOverTheLimitIsRefused) {
  service::FakeFiles files;
  EXPECT_THAT(std::string(Record(files).Write(std::string(DurableRecord::kMaxPayload + 1, 'x')).message()),
              HasSubstr("the limit is"));
}

class OnDisk : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/breakwater-state-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override {
    for (const char* name : {"/rules", "/rules.1", "/rules.tmp", "/rules.damaged"}) unlink((directory_ + name).c_str());
    rmdir(directory_.c_str());
  }
  std::string directory_;
};

TEST_F(OnDisk, WritesReadsAndKeepsTheOneBefore) {
  DurableRecord record(service::SystemFiles(), directory_, "rules");
  ASSERT_TRUE(record.Write("one").ok());
  ASSERT_TRUE(record.Write("two").ok());
  EXPECT_EQ(*record.Read().payload, "two");
  struct stat st {};
  ASSERT_EQ(stat((directory_ + "/rules").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  ASSERT_EQ(truncate((directory_ + "/rules").c_str(), 10), 0);
  const DurableRecord::ReadResult r = record.Read();
  EXPECT_EQ(*r.payload, "one");
  EXPECT_TRUE(r.from_previous);
}

TEST_F(OnDisk, ErrorsNameThePath) {
  DurableRecord missing(service::SystemFiles(), directory_ + "/none", "rules");
  EXPECT_THAT(std::string(missing.Write("x").message()), HasSubstr(directory_ + "/none/rules.tmp"));
  DurableRecord record(service::SystemFiles(), directory_, "rules");
  ASSERT_EQ(mkdir((directory_ + "/rules").c_str(), 0700), 0);
  const DurableRecord::ReadResult r = record.Read();
  EXPECT_FALSE(r.payload);
  EXPECT_THAT(r.problems, SizeIs(1));
  rmdir((directory_ + "/rules").c_str());
}

TEST_F(OnDisk, ARealFullDiskKeepsTheOldRecord) {
  if (mount("breakwater-test", directory_.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "mounting a small tmpfs needs root";
  }
  DurableRecord record(service::SystemFiles(), directory_, "rules");
  EXPECT_TRUE(record.Write("old").ok());
  const absl::Status s = record.Write(std::string(200 * 1024, 'x'));
  EXPECT_EQ(s.code(), absl::StatusCode::kResourceExhausted) << s;
  EXPECT_EQ(*record.Read().payload, "old");
  EXPECT_TRUE(record.Write("next").ok());
  EXPECT_EQ(*record.Read().payload, "next");
  EXPECT_EQ(umount(directory_.c_str()), 0);
}

}  // namespace
}  // namespace breakwater::app
