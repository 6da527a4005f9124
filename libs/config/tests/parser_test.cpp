#include "libs/config/parser.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace agora::config {
namespace {

using namespace std::chrono_literals;

struct Settings {
  std::string name = "default";
  std::vector<std::string> bind{"127.0.0.1"};
  std::int64_t queue = 5;
  std::uint16_t port = 80;
  std::chrono::milliseconds wait{1'000};
  std::optional<std::chrono::milliseconds> window{};
  Secret<std::string> key{};
  bool demo = false;
};

class ParserTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* variable : {"T_NAME", "T_PORT", "T_KEY", "T_KEY_FILE", "T_DEMO", "T_PROT", "SHARED_BIND",
                                 "T_QUEUE_MAX", "T_WAIT", "T_WINDOW", "T_BIND", "T_PORT_FILE"})
      ::unsetenv(variable);
  }
  std::optional<int> parse(std::vector<const char*> arguments) {
    Parser parser("program", "Does things.", "T_");
    parser.option("name", settings_.name, "Name");
    parser.option("bind", settings_.bind, "Addresses", {.env = "SHARED_BIND"});
    parser.option("queue.max", settings_.queue, "Queue", {.min = 1, .max = 9});
    parser.option("port", settings_.port, "Port", {.min = 1, .max = 65'535});
    parser.option("wait", settings_.wait, "Wait", {.min = 10, .max = 86'400'000});
    parser.option("window", settings_.window, "Window", {.min = 1, .max = 86'400'000});
    parser.option("key", settings_.key, "Key");
    parser.flag("demo", settings_.demo, "Demo");
    parser.rule([this]() -> std::optional<std::string> {
      if (settings_.demo && settings_.name == "production") return "no demo in production";
      return std::nullopt;
    });
    arguments.insert(arguments.begin(), "program");
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const auto code = parser.parse(static_cast<int>(arguments.size()), arguments.data());
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }
  auto lines() const { return std::count(err_.begin(), err_.end(), '\n'); }
  bool said(const std::string& text) const { return err_.find(text) != std::string::npos; }

  Settings settings_;
  std::string out_;
  std::string err_;
};

TEST_F(ParserTest, DefaultsStand) {
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(settings_.name, "default");
  EXPECT_EQ(settings_.port, 80);
  EXPECT_FALSE(settings_.window.has_value());
}

TEST_F(ParserTest, EnvironmentOverDefaultsAndFlagsOverEnvironment) {
  ::setenv("T_NAME", "env", 1);
  ::setenv("T_PORT", "81", 1);
  ::setenv("SHARED_BIND", "0.0.0.0, ::", 1);
  EXPECT_EQ(parse({"--port", "82", "--demo", "--queue.max=9"}), std::nullopt);
  EXPECT_EQ(settings_.name, "env");
  EXPECT_EQ(settings_.port, 82);
  EXPECT_EQ(settings_.queue, 9);
  EXPECT_TRUE(settings_.demo);
  EXPECT_EQ(settings_.bind, (std::vector<std::string>{"0.0.0.0", "::"}));
}

TEST_F(ParserTest, ReadsDurationsWithUnits) {
  EXPECT_EQ(parse({"--wait", "15min", "--window", "250ms"}), std::nullopt);
  EXPECT_EQ(settings_.wait, 15min);
  EXPECT_EQ(settings_.window, 250ms);
  for (const char* bad : {"15", "min", "-1s", "1.5s", "5ms", "2d", "1 s", ""}) {
    EXPECT_EQ(parse({"--wait", bad}), 2) << bad;
  }
}

TEST_F(ParserTest, AllMistakesAreToldTogether) {
  ::setenv("T_PROT", "1", 1);
  EXPECT_EQ(parse({"--prot", "1", "--queue.max", "10", "--port", "x", "--wait", "9ms"}), 2);
  EXPECT_TRUE(said("--prot; did you mean --port?"));
  EXPECT_TRUE(said("T_PROT; did you mean T_PORT?"));
  EXPECT_TRUE(said("--queue.max: must be an integer from 1 to 9"));
  EXPECT_TRUE(said("--port: must be an integer"));
  EXPECT_TRUE(said("--wait: must be from 10ms"));
  EXPECT_EQ(lines(), 6);  // five mistakes and where to find help
}

TEST_F(ParserTest, AFlagWithoutItsValueHidesNoOtherMistake) {
  EXPECT_EQ(parse({"--queue.max", "5", "--prot", "1", "--port"}), 2);
  EXPECT_TRUE(said("--port"));
  EXPECT_TRUE(said("unknown flag --prot"));
  EXPECT_FALSE(said("--queue.max"));
}

TEST_F(ParserTest, AnEmptyValueIsAValue) {
  EXPECT_EQ(parse({"--name=", "--port", "82"}), std::nullopt);
  EXPECT_EQ(settings_.name, "");
  EXPECT_EQ(settings_.port, 82);
  EXPECT_EQ(parse({"--port="}), 2);
}

TEST_F(ParserTest, RefusesAFlagGivenTwice) {
  EXPECT_EQ(parse({"--port", "82", "--port", "83"}), 2);
  EXPECT_TRUE(said("--port: is given more than once"));
  EXPECT_EQ(lines(), 2);
}

TEST_F(ParserTest, RefusesWhatNoOptionTakes) {
  EXPECT_EQ(parse({"stray"}), 2);
  EXPECT_TRUE(said("unexpected argument: stray"));
  EXPECT_EQ(parse({"--window-of-something-else", "1s"}), 2);
  EXPECT_FALSE(said("did you mean"));
  EXPECT_EQ(parse({"--print-confg"}), 2);
  EXPECT_TRUE(said("did you mean --print-config?"));
}

TEST_F(ParserTest, NeverPrintsTheValueOfAnUnknownFlag) {
  EXPECT_EQ(parse({"--kye", "hunter2"}), 2);
  EXPECT_EQ(parse({"--kye=hunter2"}), 2);
  EXPECT_TRUE(said("did you mean --key?"));
  EXPECT_FALSE(said("hunter2"));
}

TEST_F(ParserTest, SwitchesCanBeTurnedOffOnTheCommandLine) {
  ::setenv("T_DEMO", "1", 1);
  EXPECT_EQ(parse({"--demo=false"}), std::nullopt);
  EXPECT_FALSE(settings_.demo);
  EXPECT_EQ(parse({"--demo"}), std::nullopt);
  EXPECT_TRUE(settings_.demo);
  EXPECT_EQ(parse({"--demo=maybe"}), 2);
}

TEST_F(ParserTest, RefusesANumberBeyondItsType) {
  EXPECT_EQ(parse({"--port", "65536"}), 2);
  EXPECT_EQ(parse({"--queue.max", "99999999999999999999"}), 2);
  EXPECT_EQ(parse({"--queue.max", "5x"}), 2);
  EXPECT_EQ(parse({"--wait", "9999999999999999d"}), 2);
  EXPECT_EQ(settings_.port, 80);
}

TEST_F(ParserTest, FlagsTakeOnlyTruthFromTheEnvironment) {
  ::setenv("T_DEMO", "0", 1);
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_FALSE(settings_.demo);
  ::setenv("T_DEMO", "maybe", 1);
  EXPECT_EQ(parse({}), 2);
}

TEST_F(ParserTest, RulesAreCheckedLast) {
  EXPECT_EQ(parse({"--demo", "--name", "production"}), 2);
  EXPECT_TRUE(said("no demo in production"));
}

TEST_F(ParserTest, SecretsComeFromFilesAndAreNeverPrinted) {
  const auto path = std::filesystem::temp_directory_path() / ("agora-secret-" + std::to_string(::getpid()));
  std::ofstream(path) << "hunter2\n";
  ::setenv("T_KEY_FILE", path.c_str(), 1);
  EXPECT_EQ(parse({"--print-config"}), 0);
  EXPECT_EQ(settings_.key.reveal(), "hunter2");
  EXPECT_EQ(out_.find("hunter2"), std::string::npos);
  EXPECT_NE(out_.find("key = ****  # file, T_KEY"), std::string::npos);
  ::setenv("T_KEY", "too", 1);
  EXPECT_EQ(parse({}), 2);
  EXPECT_EQ(err_.find("hunter2"), std::string::npos);
  std::filesystem::remove(path);
  ::unsetenv("T_KEY");
  EXPECT_EQ(parse({}), 2);
  EXPECT_TRUE(said("T_KEY_FILE: cannot read the file"));
}

TEST_F(ParserTest, RefusesASecretsFileThatIsNone) {
  for (const char* path : {"/", "/dev/null", ""}) {
    ::setenv("T_KEY_FILE", path, 1);
    EXPECT_EQ(parse({}), 2) << path;
    EXPECT_TRUE(said("T_KEY_FILE: cannot read the file, or it holds nothing"));
  }
}

TEST_F(ParserTest, HelpShowsNoSecret) {
  settings_.key = Secret<std::string>("hunter2");
  EXPECT_EQ(parse({"--help"}), 0);
  EXPECT_EQ(out_.find("hunter2"), std::string::npos);
}

TEST_F(ParserTest, PrintConfigTellsWhereValuesComeFrom) {
  ::setenv("T_NAME", "env", 1);
  EXPECT_EQ(parse({"--print-config", "--port", "81"}), 0);
  EXPECT_NE(out_.find("name = env  # environment, T_NAME"), std::string::npos);
  EXPECT_NE(out_.find("port = 81  # flag, T_PORT"), std::string::npos);
  EXPECT_NE(out_.find("wait = 1s  # default, T_WAIT"), std::string::npos);
}

TEST_F(ParserTest, HelpAndVersionExitWithZero) {
  EXPECT_EQ(parse({"--help"}), 0);
  EXPECT_NE(out_.find("T_PORT"), std::string::npos);
  EXPECT_EQ(parse({"--version"}), 0);
  EXPECT_TRUE(::testing::internal::RE::FullMatch(out_, "program [0-9]+\\.[0-9]+\\.[0-9]+ \\([^ ()]+\\)\n")) << out_;
}

TEST_F(ParserTest, NamesVariablesAfterTheirOptions) {
  ::setenv("T_QUEUE_MAX", "7", 1);
  ::setenv("T_WAIT", "2s", 1);
  ::setenv("T_WINDOW", "24h", 1);
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(settings_.queue, 7);
  EXPECT_EQ(settings_.wait, 2s);
  EXPECT_EQ(settings_.window, 24h);
  ::setenv("T_BIND", "::", 1);
  EXPECT_EQ(parse({}), 2) << "the option names another variable";
  EXPECT_TRUE(said("unknown variable T_BIND"));
}

TEST_F(ParserTest, AMistakeInAVariableNamesTheVariable) {
  ::setenv("T_QUEUE_MAX", "10", 1);
  ::setenv("T_WAIT", "15", 1);
  ::setenv("T_DEMO", "", 1);
  EXPECT_EQ(parse({}), 2);
  EXPECT_TRUE(said("program: T_QUEUE_MAX: must be an integer from 1 to 9\n"));
  EXPECT_TRUE(said("T_WAIT: must be a duration"));
  EXPECT_TRUE(said("T_DEMO: must be 1, true, 0 or false"));
  EXPECT_EQ(lines(), 4);
  EXPECT_EQ(out_, "");
}

TEST_F(ParserTest, RefusesAMistakeInAVariableThoughAFlagIsRight) {
  ::setenv("T_PORT", "x", 1);
  EXPECT_EQ(parse({"--port", "81"}), 2);
  EXPECT_TRUE(said("T_PORT: must be an integer"));
}

TEST_F(ParserTest, OnlySecretsComeFromFiles) {
  ::setenv("T_PORT_FILE", "/dev/null", 1);
  EXPECT_EQ(parse({}), 2);
  EXPECT_TRUE(said("unknown variable T_PORT_FILE"));
}

TEST_F(ParserTest, ReadsEveryUnitAndTheEndsOfTheRange) {
  const std::pair<const char*, std::chrono::milliseconds> cases[] = {
      {"10ms", 10ms}, {"1s", 1s}, {"1min", 1min}, {"1h", 1h}, {"1d", 24h}, {"86400000ms", 24h}, {"00010ms", 10ms}};
  for (const auto& [text, time] : cases) {
    EXPECT_EQ(parse({"--wait", text}), std::nullopt) << text;
    EXPECT_EQ(settings_.wait, time) << text;
  }
  for (const char* bad : {"9ms", "86400001ms", "25h", "1m", "1S", "1sec", "+1s", "0x1s", "1s ", "ms", "1 s"}) {
    EXPECT_EQ(parse({"--wait", bad}), 2) << bad;
  }
}

TEST_F(ParserTest, TakesEitherEndOfARange) {
  for (const char* port : {"1", "65535"}) EXPECT_EQ(parse({"--port", port}), std::nullopt) << port;
  for (const char* port : {"0", "-1", "65536", "1.0", "1e3", "0x50", " 80", "+80"})
    EXPECT_EQ(parse({"--port", port}), 2) << port;
  for (const char* queue : {"1", "9"}) EXPECT_EQ(parse({"--queue.max", queue}), std::nullopt) << queue;
  for (const char* queue : {"0", "10"}) EXPECT_EQ(parse({"--queue.max", queue}), 2) << queue;
}

TEST_F(ParserTest, AListNamesAtLeastOne) {
  EXPECT_EQ(parse({"--bind", " a , ,b,"}), std::nullopt);
  EXPECT_EQ(settings_.bind, (std::vector<std::string>{"a", "b"}));
  for (const char* none : {"--bind=", "--bind= , "}) EXPECT_EQ(parse({none}), 2) << none;
  EXPECT_TRUE(said("--bind: must name at least one"));
}

TEST_F(ParserTest, ASwitchIsOneOfFourWords) {
  for (const auto& [text, value] :
       {std::pair("1", true), std::pair("true", true), std::pair("0", false), std::pair("false", false)}) {
    settings_.demo = !value;
    ::setenv("T_DEMO", text, 1);
    EXPECT_EQ(parse({}), std::nullopt) << text;
    EXPECT_EQ(settings_.demo, value) << text;
  }
  for (const char* text : {"TRUE", "yes", "on", "2", ""}) {
    ::setenv("T_DEMO", text, 1);
    EXPECT_EQ(parse({}), 2) << text;
  }
}

TEST_F(ParserTest, ASecretComesFromItsVariableOrFlagToo) {
  ::setenv("T_KEY", "hunter2", 1);
  EXPECT_EQ(parse({"--print-config"}), 0);
  EXPECT_EQ(settings_.key.reveal(), "hunter2");
  EXPECT_NE(out_.find("key = ****  # environment, T_KEY\n"), std::string::npos) << out_;
  EXPECT_EQ(parse({"--key", "other2", "--print-config"}), 0);
  EXPECT_EQ(settings_.key.reveal(), "other2");
  EXPECT_EQ((out_ + err_).find("2\n"), std::string::npos) << out_;
}

TEST_F(ParserTest, OnlyNewlinesAtTheEndOfASecretsFileDoNotCount) {
  const auto path = std::filesystem::temp_directory_path() / ("agora-secret-lines-" + std::to_string(::getpid()));
  std::ofstream(path) << " a\nb \r\n\n";
  ::setenv("T_KEY_FILE", path.c_str(), 1);
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(settings_.key.reveal(), " a\nb ");
  std::filesystem::remove(path);
}

TEST_F(ParserTest, PrintConfigShowsEveryOptionInOrder) {
  EXPECT_EQ(parse({"--print-config", "--window=12h", "--demo"}), 0);
  EXPECT_EQ(out_,
            "name = default  # default, T_NAME\n"
            "bind = 127.0.0.1  # default, SHARED_BIND\n"
            "queue.max = 5  # default, T_QUEUE_MAX\n"
            "port = 80  # default, T_PORT\n"
            "wait = 1s  # default, T_WAIT\n"
            "window = 12h  # flag, T_WINDOW\n"
            "key =   # default, T_KEY\n"
            "demo = true  # flag, T_DEMO\n");
  EXPECT_EQ(parse({"--print-config", "--port", "0"}), 2) << "mistakes come first";
  EXPECT_EQ(out_, "");
}

TEST_F(ParserTest, RulesSeeTheWholeAndOnlyWhatIsRight) {
  ::setenv("T_NAME", "production", 1);
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(parse({"--demo"}), 2);
  EXPECT_EQ(lines(), 2);
  EXPECT_EQ(parse({"--demo", "--port", "0"}), 2);
  EXPECT_FALSE(said("no demo in production")) << "a rule is not asked about what could not be read";
}

TEST_F(ParserTest, HelpNamesEveryOptionItsVariableAndItsDefault) {
  EXPECT_EQ(parse({"--help"}), 0);
  for (const std::string text : {"Does things.", "--name", "T_NAME, default default", "--queue.max", "T_QUEUE_MAX",
                                 "SHARED_BIND", "--demo", "--version", "--print-config"}) {
    EXPECT_NE(out_.find(text), std::string::npos) << text << " in " << out_;
  }
  EXPECT_EQ(err_, "");
}

}  // namespace
}  // namespace agora::config
