#include "common/view_json/view_json.h"

#include <limits>
#include <random>

#include "breakwater/v1/admin.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::view_json {
namespace {

using ::testing::HasSubstr;

TEST(ToJson, WritesProtoNamesAndDefaults) {
  v1::RateView rate;
  rate.set_pps(12.5);
  EXPECT_EQ(*ToJson(rate), R"({"pps":12.5,"bps":0,"dropped_pps":0,"dropped_bps":0})");
}

TEST(ToJson, WritesEmptyListsAndStrings) {
  v1::UnblockResponse response;
  EXPECT_EQ(*ToJson(response), R"({"removed_rules":[],"revision":""})");
}

TEST(ToJson, IndentsForPeopleAndEndsWithoutLineBreak) {
  v1::SetView set;
  set.set_epoch("1");
  EXPECT_EQ(*ToJson(set, Layout::kIndented), "{\n \"epoch\": \"1\",\n \"revision\": \"\"\n}");
}

TEST(ToJson, KeepsTimesToTheMillisecond) {
  v1::AttackEventView event;
  event.set_unix_s(1893456000.123);
  EXPECT_THAT(*ToJson(event), HasSubstr("\"unix_s\":1893456000.123"));
}

TEST(ToJson, EscapesWhatSomebodySent) {
  v1::RuleView rule;
  rule.set_reason("\"quoted\" \x1b[31m<script>\n");
  const std::string json = *ToJson(rule);
  EXPECT_THAT(json, HasSubstr(R"(\"quoted\" \u001b[31m\u003cscript\u003e\n)"));
}

TEST(ToJson, WritesWhatIsNoNumberAsText) {
  v1::RateView rate;
  rate.set_pps(std::numeric_limits<double>::quiet_NaN());
  rate.set_bps(std::numeric_limits<double>::infinity());
  EXPECT_THAT(*ToJson(rate), HasSubstr(R"("pps":"NaN","bps":"Infinity")"));
}

TEST(ToJson, CutsAStringWhereItIsNoUtf8) {
  v1::RuleView rule;
  rule.set_reason("a\xff\xc3z");
  const absl::StatusOr<std::string> json = ToJson(rule);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_THAT(*json, HasSubstr(R"("reason":"a",)"));
}

TEST(FromJson, ReadsWhatToJsonWrote) {
  v1::BlockRequest request;
  request.set_source("198.51.100.0/24");
  request.set_for_s(3600);
  request.set_reason("scan ü");
  const absl::StatusOr<v1::BlockRequest> read = FromJson<v1::BlockRequest>(*ToJson(request));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), request.SerializeAsString());
}

TEST(FromJson, NamesWhatIsWrong) {
  for (const auto& [json, expected] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{R"({"sauce":"192.0.2.1"})", "sauce"},
                                                                            {R"({"for_s":"soon"})", "soon"},
                                                                            {R"({"for_s":1)", "BlockRequest"},
                                                                            {"", "BlockRequest"},
                                                                            {"[]", "BlockRequest"},
                                                                            {"\xff\xfe", "BlockRequest"}}) {
    const absl::StatusOr<v1::BlockRequest> read = FromJson<v1::BlockRequest>(json);
    ASSERT_FALSE(read.ok()) << json;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(std::string(expected))) << json;
  }
}

TEST(FromJson, RefusesWhatIsTooLong) {
  const std::string json = R"({"reason":")" + std::string(kMaxJsonBytes, 'a') + R"("})";
  const absl::StatusOr<v1::BlockRequest> read = FromJson<v1::BlockRequest>(json);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("at most 1048576"));
}

TEST(FromJson, RefusesDeepNesting) {
  const std::string deep = std::string(100000, '[');
  EXPECT_FALSE(FromJson<v1::BlockRequest>(R"({"source":)" + deep).ok());
}

TEST(FromJson, SurvivesDamagedText) {
  v1::RuleView rule;
  rule.set_id("op-1");
  rule.set_match("ip.src == 192.0.2.0/24");
  rule.add_edges()->set_edge("ams-1");
  const std::string good = *ToJson(rule);
  constexpr uint64_t kSeed = 20260101;
  std::mt19937_64 random(kSeed);
  int read = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string text = good;
    text[random() % text.size()] = static_cast<char>(random());
    if (random() % 2 == 0) text.resize(random() % text.size());
    if (const auto damaged = FromJson<v1::RuleView>(text); damaged.ok()) {
      ++read;
    } else {
      EXPECT_EQ(damaged.status().code(), absl::StatusCode::kInvalidArgument);
    }
  }
  EXPECT_LT(read, 2000) << "seed " << kSeed;
}

}  // namespace
}  // namespace breakwater::view_json
