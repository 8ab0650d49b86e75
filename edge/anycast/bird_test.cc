#include "edge/anycast/bird.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::anycast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Settings TestSettings() {
  Settings s;
  s.announce = {"any4"};
  s.deprefer = {"drain4"};
  return s;
}

std::string Row(const std::string& name, bool up) {
  return "2002-Name       Proto      Table      State  Since         Info\n1002-" + name + "   Static     master4    " +
         (up ? "up" : "down") + "     00:59:37.911  \n0000 \n";
}

TEST(ReplyParser, TakesRepliesApartWhereverTheBytesBreak) {
  const std::string text = "0001 BIRD 2.0.12 ready.\n+unasked\n1002-a b\n c d\n0000 \n8003 No protocols match\n";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    ReplyParser parser;
    std::vector<Reply> replies;
    for (const std::string_view part : {std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}) {
      const absl::StatusOr<std::vector<Reply>> more = parser.Feed(part);
      ASSERT_TRUE(more.ok()) << more.status();
      replies.insert(replies.end(), more->begin(), more->end());
    }
    ASSERT_EQ(replies.size(), 3u) << cut;
    EXPECT_EQ(replies[0][0].text, "BIRD 2.0.12 ready.");
    ASSERT_EQ(replies[1].size(), 3u);
    EXPECT_EQ(replies[1][1].code, 1002);
    EXPECT_EQ(replies[1][1].text, "c d");
    EXPECT_EQ(replies[2][0].code, 8003);
  }
}

TEST(ReplyParser, RefusesWhatIsntBird) {
  for (const char* text :
       {"SSH-2.0-OpenSSH\n", "HTTP/1.1 200 OK\n", " continued\n", "12\n", "\n", "000a x\n", "0000x\n"}) {
    EXPECT_THAT(ReplyParser().Feed(text).status().message(), HasSubstr("isn't BIRD")) << text;
  }
}

TEST(ReplyParser, BoundsAReplyAndALine) {
  ReplyParser endless_line;
  EXPECT_TRUE(endless_line.Feed(std::string(kMaxReply - 1, 'x')).ok());
  EXPECT_EQ(endless_line.Feed("xx").status().code(), absl::StatusCode::kResourceExhausted);
  ReplyParser endless_reply;
  absl::Status s;
  int lines = 0;
  for (; s.ok() && lines < 10000; ++lines) s = endless_reply.Feed("1002-some protocol\n").status();
  EXPECT_EQ(s.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LT(lines, 4000);
  ReplyParser many_replies;  // each of them short: no bound is met
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(many_replies.Feed("0000 ok\n").ok());
}

// Plays BIRD: answers each command from a table of states.
class FakeStates {
 public:
  explicit FakeStates(std::map<std::string, bool> up) : up_(std::move(up)) {}

  std::string Answer(const std::string& command) {
    commands.push_back(command);
    const size_t quote = command.find('"');
    const std::string verb = command.substr(0, command.find(' '));
    const std::string name = command.substr(quote + 1, command.size() - quote - 2);
    if (up_.count(name) == 0) return "8003 No protocols match\n";
    if (verb == "show") return Row(name, up_[name]);
    const bool on = verb == "enable";
    if (!stubborn) up_[name] = on;
    return std::string(on ? "0011-" : "0009-") + name + ": " + verb + "d\n0000 \n";
  }

  std::vector<std::string> commands;
  bool stubborn = false;

 private:
  std::map<std::string, bool> up_;
};

absl::Status Play(Reconcile& talk, FakeStates& bird) {
  std::string out, input = "0001 BIRD 2.0.12 ready.\n";
  EXPECT_FALSE(*talk.OnConnect(out));
  EXPECT_EQ(out, "");
  for (int turn = 0; turn < 100; ++turn) {
    out.clear();
    const absl::StatusOr<bool> over = talk.OnInput(input, out);
    if (!over.ok()) return over.status();
    if (*over) return absl::OkStatus();
    if (out.empty() || out.back() != '\n') return absl::InternalError("said nothing");
    input = bird.Answer(out.substr(0, out.size() - 1));
  }
  return absl::InternalError("never over");
}

TEST(Reconcile, ChangesNothingThatIsAsItShouldBe) {
  FakeStates bird({{"any4", true}, {"drain4", false}});
  const Settings settings = TestSettings();
  Reconcile talk(settings, Presence::kAnnounced);
  ASSERT_TRUE(Play(talk, bird).ok());
  EXPECT_THAT(bird.commands, ElementsAre("show protocols \"any4\"", "show protocols \"drain4\""));
  EXPECT_EQ(talk.observed(), Presence::kAnnounced);
  EXPECT_TRUE(talk.reached());
  EXPECT_EQ(talk.changes(), 0);
}

TEST(Reconcile, EnablesBeforeItDisablesAndLooksAgain) {
  FakeStates bird({{"any4", true}, {"drain4", false}});
  const Settings settings = TestSettings();
  Reconcile talk(settings, Presence::kDeprefered);
  ASSERT_TRUE(Play(talk, bird).ok());
  EXPECT_THAT(bird.commands, ElementsAre("show protocols \"any4\"", "show protocols \"drain4\"", "enable \"drain4\"",
                                         "disable \"any4\"", "show protocols \"any4\"", "show protocols \"drain4\""));
  EXPECT_EQ(talk.observed(), Presence::kDeprefered);
  EXPECT_TRUE(talk.reached());
  EXPECT_EQ(talk.changes(), 2);
}

TEST(Reconcile, SaysSoWhenBirdDoesntDoIt) {
  FakeStates bird({{"any4", true}, {"drain4", false}});
  bird.stubborn = true;
  const Settings settings = TestSettings();
  Reconcile talk(settings, Presence::kWithdrawn);
  ASSERT_TRUE(Play(talk, bird).ok());
  EXPECT_EQ(talk.observed(), Presence::kAnnounced);
  EXPECT_FALSE(talk.reached());
}

TEST(Reconcile, WithoutProtocolsToDePreferItStaysAnnounced) {
  FakeStates bird({{"any4", true}});
  Settings settings = TestSettings();
  settings.deprefer.clear();
  Reconcile talk(settings, Presence::kDeprefered);
  ASSERT_TRUE(Play(talk, bird).ok());
  EXPECT_EQ(talk.observed(), Presence::kAnnounced);
  EXPECT_TRUE(talk.reached());
}

TEST(Reconcile, NamesAProtocolThatIsntThere) {
  FakeStates bird({{"any4", true}});
  const Settings settings = TestSettings();
  Reconcile talk(settings, Presence::kAnnounced);
  EXPECT_THAT(Play(talk, bird).message(), HasSubstr("BIRD has no protocol drain4"));
}

TEST(Reconcile, RefusesAnswersNobodyAskedFor) {
  const Settings settings = TestSettings();
  std::string out;
  EXPECT_FALSE(Reconcile(settings, Presence::kAnnounced).OnInput("0000 \n", out).ok());
  EXPECT_FALSE(Reconcile(settings, Presence::kAnnounced).OnInput("0001 BIRD ready.\n9001 syntax error\n", out).ok());
  std::string many = "0001 BIRD ready.\n";
  for (int i = 0; i < 10; ++i) many += Row("any4", true);
  EXPECT_FALSE(Reconcile(settings, Presence::kAnnounced).OnInput(many, out).ok());
}

}  // namespace
}  // namespace breakwater::anycast
