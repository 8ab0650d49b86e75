#include "coordinator/app/strand.h"

#include <chrono>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::coordinator {
namespace {

using ::testing::HasSubstr;

// A disk that fills up.
class FillingStore : public store::Store {
 public:
  absl::Status Commit(const store::Batch& batch) override {
    if (full) return absl::ResourceExhaustedError("no space left on /state");
    return inner_->Commit(batch);
  }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override { return inner_->Get(key); }
  absl::Status Scan(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    return inner_->Scan(prefix, from, visit);
  }

  std::atomic<bool> full{false};

 private:
  std::unique_ptr<store::Store> inner_ = store::MakeMemoryStore();
};

class StrandTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<fleet::SigningKey> key = fleet::SigningKey::FromSeed(std::string(32, 'k'));
    ASSERT_TRUE(key.ok()) << key.status();
    strand_.emplace(Settings{}, *std::move(key), Strand::Parts{clock_, store_, health_, metrics_});
    strand_->Begin(1);
    Turn();
  }

  // The strand's loop for a while, a tenth of a second of its time in each turn.
  void Turn() {
    for (int i = 0; i < 5; ++i) {
      clock_.Advance(absl::Milliseconds(100));
      strand_->OnTick();
      strand_->RunWaiting();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  std::optional<api::Answer> Ask(api::Request request) {
    auto answer = std::make_shared<std::optional<api::Answer>>();
    strand_->Ask(std::move(request), "alice", [answer](api::Answer a) { *answer = std::move(a); });
    for (int i = 0; i < 400 && !answer->has_value(); ++i) Turn();
    return *answer;
  }
  static v1::BlockRequest Block() {
    v1::BlockRequest request;
    request.set_source("198.51.100.7");
    request.set_for_s(60);
    request.set_reason("scan");
    return request;
  }
  bool Ready() { return health_.Read().ready; }

  clock::FakeClock clock_{absl::FromUnixSeconds(1700000000)};
  FillingStore store_;
  service::Health health_{clock_};
  metrics::Registry registry_;
  CoordinatorMetrics metrics_{registry_};
  std::optional<Strand> strand_;
};

TEST_F(StrandTest, AnswersWhatIsAsked) {
  const auto overview = Ask(v1::OverviewRequest());
  ASSERT_TRUE(overview && overview->ok());
  EXPECT_EQ(dynamic_cast<const v1::OverviewView&>(***overview).coordinator(), "coordinator");
  v1::GetRuleRequest missing;
  missing.set_id("none");
  const auto rule = Ask(missing);
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->status().code(), absl::StatusCode::kNotFound);
  const auto blocked = Ask(Block());
  ASSERT_TRUE(blocked && blocked->ok()) << blocked->status();
  EXPECT_EQ(dynamic_cast<const v1::RuleView&>(***blocked).created_by(), "alice");
}

TEST_F(StrandTest, AFullDiskIsSaidAndGotOver) {
  EXPECT_TRUE(Ready());
  store_.full = true;
  const auto refused = Ask(Block());
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->ok());
  EXPECT_THAT(std::string(refused->status().message()), HasSubstr("no space left"));
  EXPECT_FALSE(Ready());
  // Reading goes on.
  EXPECT_TRUE(Ask(v1::OverviewRequest())->ok());
  store_.full = false;
  const auto blocked = Ask(Block());
  ASSERT_TRUE(blocked && blocked->ok()) << blocked->status();
  EXPECT_TRUE(Ready());
}

TEST_F(StrandTest, TooMuchAtOnceIsRefusedAndRoomComesBack) {
  size_t answered = 0;
  size_t refused = 0;
  for (size_t i = 0; i < Strand::kMaxQuestions + 10; ++i) {
    strand_->Ask(v1::OverviewRequest(), "alice", [&](const api::Answer& answer) {
      ++(answer.ok() ? answered : refused);
      EXPECT_TRUE(answer.ok() || absl::IsResourceExhausted(answer.status())) << answer.status();
    });
  }
  EXPECT_EQ(refused, 10u);
  Turn();
  EXPECT_EQ(answered, Strand::kMaxQuestions);
  EXPECT_TRUE(Ask(v1::OverviewRequest())->ok());
}

TEST_F(StrandTest, AStopAnswersThoseWhoWait) {
  std::vector<absl::Status> answers;
  strand_->Ask(Block(), "alice", [&](const api::Answer& answer) { answers.push_back(answer.status()); });
  strand_->Stop();
  strand_->Ask(v1::OverviewRequest(), "alice", [&](const api::Answer& answer) { answers.push_back(answer.status()); });
  ASSERT_EQ(answers.size(), 2u);
  for (const absl::Status& status : answers) EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace breakwater::coordinator
