#include "coordinator/cli/connection.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::cli {
namespace {

using ::testing::HasSubstr;

class ConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("bwctl_connection_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "breakwater");
    environment_["XDG_CONFIG_HOME"] = folder_.string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& text) const {
    const std::string path = (folder_ / "breakwater" / "bwctl.yaml").string();
    std::ofstream(path) << text;
    return path;
  }

  absl::StatusOr<Connection> Resolve(const ConnectionFlags& flags) const {
    return ResolveConnection(flags, [this](std::string_view name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      if (found == environment_.end()) return std::nullopt;
      return found->second;
    });
  }

  std::filesystem::path folder_;
  std::map<std::string, std::string, std::less<>> environment_;
};

constexpr const char* kFile = R"(context: lab
contexts:
  lab:
    server: lab.example:7443
    ca: ca.pem
    cert: lab.pem
    key: /keys/lab.key
  production:
    server: "[2001:db8::1]:7443"
    ca: ca.pem
    cert: prod.pem
    key: prod.key
    server_name: coordinator.example
)";

TEST_F(ConnectionTest, ReadsTheFilesContext) {
  const std::string path = Write(kFile);
  const absl::StatusOr<Connection> c = Resolve({});
  ASSERT_TRUE(c.ok()) << c.status();
  EXPECT_EQ(c->server, "lab.example:7443");
  EXPECT_EQ(c->ca, (folder_ / "breakwater" / "ca.pem").string());
  EXPECT_EQ(c->key, "/keys/lab.key");
}

TEST_F(ConnectionTest, TakesTheNamedContext) {
  Write(kFile);
  EXPECT_EQ(Resolve({.context = "production"})->server_name, "coordinator.example");
  environment_["BWCTL_CONTEXT"] = "production";
  EXPECT_EQ(Resolve({})->server, "[2001:db8::1]:7443");
  EXPECT_EQ(Resolve({.context = "lab"})->server, "lab.example:7443");
}

TEST_F(ConnectionTest, PrefersFlagsThenEnvironmentThenFile) {
  Write(kFile);
  environment_["BWCTL_SERVER"] = "from-environment:1";
  environment_["BWCTL_KEY"] = "environment.key";
  const absl::StatusOr<Connection> c = Resolve({.connection = {.key = "flag.key"}});
  ASSERT_TRUE(c.ok()) << c.status();
  EXPECT_EQ(c->server, "from-environment:1");
  EXPECT_EQ(c->key, "flag.key");
  EXPECT_THAT(c->certificate, HasSubstr("lab.pem"));
}

TEST_F(ConnectionTest, SaysEverythingThatIsMissingAndWhereToSetIt) {
  const absl::StatusOr<Connection> c = Resolve({.connection = {.server = "localhost:7443"}});
  ASSERT_FALSE(c.ok());
  const std::string message(c.status().message());
  EXPECT_THAT(message, HasSubstr("--ca FILE, BWCTL_CA"));
  EXPECT_THAT(message, HasSubstr("--cert FILE"));
  EXPECT_THAT(message, HasSubstr("--key FILE"));
  EXPECT_THAT(message, HasSubstr("bwctl.yaml"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("--server")));
}

TEST_F(ConnectionTest, RefusesAFileWithMistakes) {
  Write("contexts:\n  lab:\n    sever: x:1\n");
  const absl::StatusOr<Connection> c = Resolve({});
  ASSERT_FALSE(c.ok());
  EXPECT_THAT(std::string(c.status().message()), HasSubstr("bwctl.yaml:3:5"));
  EXPECT_THAT(std::string(c.status().message()), HasSubstr("did you mean"));
}

TEST_F(ConnectionTest, NamesTheContextsThereAre) {
  Write(kFile);
  const absl::StatusOr<Connection> c = Resolve({.context = "prod"});
  ASSERT_FALSE(c.ok());
  EXPECT_THAT(std::string(c.status().message()), HasSubstr("there are: lab, production"));
}

TEST_F(ConnectionTest, RefusesAFileThatWasNamedAndIsNotThere) {
  EXPECT_FALSE(Resolve({.config = (folder_ / "none.yaml").string()}).ok());
  EXPECT_FALSE(Resolve({.context = "lab"}).ok());
}

TEST(ParseHostPort, TakesHostsAndAddresses) {
  EXPECT_EQ(ParseHostPort("coordinator.example:7443")->host, "coordinator.example");
  EXPECT_EQ(ParseHostPort("192.0.2.1:1")->port, "1");
  EXPECT_EQ(ParseHostPort("[2001:db8::1]:65535")->host, "2001:db8::1");
}

TEST(ParseHostPort, RefusesTheRest) {
  for (const char* text : {"",
                           ":",
                           "host",
                           "host:",
                           ":7443",
                           "host:0",
                           "host:65536",
                           "host:-1",
                           "host:+1",
                           "host: 1",
                           "host:7443x",
                           "2001:db8::1:7443",
                           "[]:1",
                           "[192.0.2.1]:1",
                           "[x]:1",
                           "[2001:db8::1]",
                           "unix:/run/x",
                           "dns:///a:1",
                           "host name:1",
                           "a/b:1",
                           "host\n:1"}) {
    EXPECT_FALSE(ParseHostPort(text).ok()) << text;
  }
  EXPECT_FALSE(ParseHostPort(std::string(10000, 'a') + ":1").ok());
}

TEST(ParseHostPort, SurvivesAnyBytes) {
  constexpr uint64_t kSeed = 3;
  std::mt19937_64 random(kSeed);
  constexpr std::string_view kAlphabet = "a1:[].-%/ \n\xff";
  for (int i = 0; i < 5000; ++i) {
    std::string text(random() % 12, '\0');
    for (char& c : text) c = kAlphabet[random() % kAlphabet.size()];
    const absl::StatusOr<HostPort> parts = ParseHostPort(text);
    EXPECT_TRUE(!parts.ok() || !parts->host.empty()) << text;
  }
}

}  // namespace
}  // namespace breakwater::cli
