#include "common/log/log.h"

#include <future>
#include <limits>
#include <mutex>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace breakwater::log {
namespace {

using ::testing::HasSubstr;

const absl::Time kTime = absl::FromUnixMillis(1700000000123);

std::string Json(std::string_view msg, const std::vector<Field>& fields = {}) {
  return FormatLine(Format::kJson, kTime, Level::kInfo, "test", "happened", msg, fields);
}

TEST(FormatLine, JsonHasTheFixedKeysFirstAndTypedFields) {
  EXPECT_EQ(Json("it happened", {{"rule", "r-1"}, {"n", 3}, {"big", uint64_t{1} << 63}, {"rate", 1.5}, {"on", true}}),
            R"({"ts":"2023-11-14T22:13:20.123Z","level":"info","component":"test","event":"happened",)"
            R"("msg":"it happened","rule":"r-1","n":3,"big":9223372036854775808,"rate":1.5,"on":true})");
}

TEST(FormatLine, LogfmtQuotesOnlyWhereNeeded) {
  EXPECT_EQ(FormatLine(Format::kLogfmt, kTime, Level::kError, "test", "failed", "it failed",
                       {{"path", "/a/b"}, {"why", "a=b \"c\""}, {"empty", ""}}),
            "ts=2023-11-14T22:13:20.123Z level=error component=test event=failed msg=\"it failed\" path=/a/b "
            "why=\"a=b \\\"c\\\"\" empty=\"\"");
}

TEST(FormatLine, HostileTextStaysOneLineOfValidJson) {
  const std::string hostile = "x\"}\n{\"level\":\"forged\"\r\x1b[2J\x7f\xff\xc0\x80 \xe2\x80\xa8 \xe2\x80\xae ok";
  for (const Format format : {Format::kJson, Format::kLogfmt}) {
    const std::string line = FormatLine(format, kTime, Level::kInfo, "test", "e", hostile, {{hostile, hostile}});
    for (const char c : line) EXPECT_GE(static_cast<uint8_t>(c), 0x20) << line;
    EXPECT_THAT(line, testing::Not(HasSubstr("\xe2\x80\xae")));
    EXPECT_THAT(line, testing::Not(HasSubstr("\xe2\x80\xa8")));
  }
  const nlohmann::json parsed = nlohmann::json::parse(Json(hostile));
  EXPECT_EQ(parsed["level"], "info");
  EXPECT_THAT(parsed["msg"].get<std::string>(), HasSubstr("forged"));
}

TEST(FormatLine, EveryByteGivesValidJson) {
  for (int a = 0; a < 256; ++a) {
    for (const int b : {0, 0x41, 0x80, 0xbf, 0xff}) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      EXPECT_TRUE(nlohmann::json::accept(Json(text))) << a << " " << b;
    }
  }
}

TEST(FormatLine, NumbersThatJsonLacksBecomeStrings) {
  const std::string line =
      Json("m", {{"inf", std::numeric_limits<double>::infinity()}, {"nan", std::numeric_limits<double>::quiet_NaN()}});
  ASSERT_TRUE(nlohmann::json::accept(line)) << line;
  EXPECT_THAT(line, HasSubstr(R"("inf":"inf","nan":"nan")"));
}

TEST(FormatLine, UnicodeIsKept) { EXPECT_EQ(Quote("Zürich 東京 🚀"), "\"Zürich 東京 🚀\""); }

TEST(Names, RoundTrip) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    EXPECT_EQ(LevelFromName(LevelName(level)), level);
  }
  EXPECT_EQ(LevelFromName("loud"), std::nullopt);
  EXPECT_EQ(FormatFromName("json"), Format::kJson);
  EXPECT_EQ(FormatFromName("xml"), std::nullopt);
}

TEST(Logger, LevelsAreFilteredAndChangeAtRunTime) {
  std::vector<std::string> lines;
  Configure(
      {.level = Level::kInfo, .format = Format::kJson, .sink = [&](std::string_view l) { lines.emplace_back(l); }});
  const Logger logger("test");
  logger.Debug("a", "hidden");
  logger.Info("b", "shown");
  SetLevel(Level::kDebug);
  logger.Debug("c", "shown now");
  SetLevel(Level::kError);
  logger.Warning("d", "hidden");
  ASSERT_TRUE(Flush());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr(R"("event":"b")"));
  EXPECT_THAT(lines[1], HasSubstr(R"("event":"c")"));
  Configure({});
}

TEST(Logger, AStalledReaderNeverStopsTheCallerAndLossIsCounted) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  size_t written = 0;
  Configure({.level = Level::kInfo, .format = Format::kJson, .sink = [&, released](std::string_view) {
               released.wait();
               ++written;
             }});
  const uint64_t dropped_before = DroppedLines();
  const Logger logger("test");
  constexpr size_t kLines = 20000;
  for (size_t i = 0; i < kLines; ++i) logger.Info("flood", "line", {{"i", i}});
  const uint64_t dropped = DroppedLines() - dropped_before;
  EXPECT_GT(dropped, 0u);
  EXPECT_FALSE(Flush(absl::Milliseconds(20)));
  release.set_value();
  ASSERT_TRUE(Flush());
  EXPECT_EQ(written + (DroppedLines() - dropped_before), kLines);
  Configure({});
}

}  // namespace
}  // namespace breakwater::log
