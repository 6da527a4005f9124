#include "libs/log/log.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "libs/json/document.hpp"

namespace agora::log {
namespace {

constexpr Timestamp kNow{std::chrono::milliseconds(1'001)};

Ctx traced() {
  Ctx ctx;
  ctx.trace.trace_id[15] = 1;
  return ctx;
}

TEST(JsonLine, HasTextFieldsAndTraceId) {
  EXPECT_EQ(format_json("order", kNow, Level::warn, traced(), "order placed",
                        {{"order_id", "o1"}, {"lines", 3}, {"first", true}}),
            R"({"ts":"1970-01-01T00:00:01.001Z","level":"warn","msg":"order placed","service":"order",)"
            R"("trace_id":"00000000000000000000000000000001","order_id":"o1","lines":3,"first":true})");
}

TEST(JsonLine, CannotBeForgedByAField) {
  const auto line = format_json("order", kNow, Level::info, {}, "x", {{"reason", "a\"}\n{\"level\":\"error"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_NE(line.find(R"(a\"}\n{\"level)"), std::string::npos);
}

TEST(JsonLine, IsValidUtf8WhateverAFieldHolds) {
  const std::pair<const char*, const char*> cases[] = {
      {"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"a\x80z", "a\uFFFDz"},                            // no first byte
      {"a\xE2\x82", "a\uFFFD\uFFFD"},                    // cut
      {"\xC0\xAF", "\uFFFD\uFFFD"},                      // overlong
      {"\xE0\x9F\xBF", "\uFFFD\uFFFD\uFFFD"},            // overlong
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},            // a surrogate
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // beyond U+10FFFF
      {"\x7F\xC2\x9B", "\uFFFD\uFFFD\uFFFD"},            // controls that a terminal obeys
      {"\x1B[2J", "\\u001b[2J"},
  };
  for (const auto& [bytes, written] : cases) {
    EXPECT_EQ(format_json("s", kNow, Level::info, {}, "x", {{"f", bytes}}),
              R"({"ts":"1970-01-01T00:00:01.001Z","level":"info","msg":"x","service":"s","f":")" +
                  std::string(written) + "\"}");
  }
}

TEST(JsonLine, OfAnyBytesIsReadBackAsJson) {
  constexpr unsigned kSeed = 20'261'123;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random() & 0xFF);
    const auto line = format_json("s", kNow, Level::info, {}, bytes, {{"f", bytes}});
    ASSERT_TRUE(json::Document::parse(line).has_value()) << "seed " << kSeed << ", round " << round << ": " << line;
    ASSERT_EQ(std::count_if(line.begin(), line.end(), [](unsigned char c) { return c < 0x20; }), 0) << line;
  }
}

TEST(LogfmtLine, CannotBeForgedByItsText) {
  EXPECT_EQ(format_logfmt(kNow, Level::info, {}, "a\n00:00 error b\x1B[2J", {}),
            "00:00:01.001 a\\n00:00 error b\\u001b[2J");
}

TEST(LogfmtLine, IsForPeople) {
  EXPECT_EQ(format_logfmt(kNow, Level::info, traced(), "ready", {{"port", 8000}}), "00:00:01.001 ready port=8000");
  EXPECT_EQ(format_logfmt(kNow, Level::error, traced(), "failed", {{"reason", "a\nb"}}),
            "00:00:01.001 error failed reason=\"a\\nb\" trace_id=\"00000000000000000000000000000001\"");
}

TEST(Log, WritesWhatIsAtItsLevelToStdout) {
  ::testing::internal::CaptureStdout();
  start("test", Level::warn, Format::json);
  info({}, "too quiet");
  warn({}, "loud");
  stop();
  stop();
  error({}, "after the end");
  const auto output = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(output.find("too quiet"), std::string::npos);
  EXPECT_NE(output.find("\"msg\":\"loud\""), std::string::npos);
  EXPECT_EQ(output.find("after the end"), std::string::npos);
  EXPECT_EQ(dropped(), 0U);
}

/// Stdout as a pipe that nobody reads, until read() is called.
class UnreadPipe {
 public:
  UnreadPipe() {
    EXPECT_EQ(::pipe(ends_), 0);
    std::fflush(stdout);
    stdout_ = ::dup(STDOUT_FILENO);
    ::dup2(ends_[1], STDOUT_FILENO);
    ::close(ends_[1]);
  }
  ~UnreadPipe() { ::close(ends_[0]); }

  /// Stdout is as before; what was not yet written still goes to the pipe through `stop`.
  std::string read(void (*stop_writing)()) {
    std::string text;
    std::thread reader([&] {
      char buffer[65'536];
      for (ssize_t n = 0; (n = ::read(ends_[0], buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(n));
      }
    });
    stop_writing();
    ::dup2(stdout_, STDOUT_FILENO);  // the pipe's last writing end
    ::close(stdout_);
    reader.join();
    return text;
  }

 private:
  int ends_[2]{};
  int stdout_ = -1;
};

TEST(Log, DropsAndCountsInsteadOfWaitingForAPipeThatNobodyReads) {
  constexpr int kLines = 20'000;  // more than queue (2,048) and pipe (64 KiB) hold
  UnreadPipe pipe;
  start("test", Level::info, Format::json);
  for (int i = 0; i < kLines; ++i) info({}, "a line", {{"number", i}});
  const auto lost = dropped();
  const auto text = pipe.read(stop);
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')), kLines - lost);
  EXPECT_NE(text.find("\"number\":" + std::to_string(kLines - 1) + "}"), std::string::npos);
}

TEST(Log, MayBeStoppedWhileOthersLog) {
  ::testing::internal::CaptureStdout();
  start("test", Level::info, Format::json);
  std::atomic<bool> ready{false};
  std::atomic<bool> ended{false};
  std::thread other([&] {
    while (!ended) {
      info({}, "from another thread");
      ready = true;
    }
  });
  while (!ready) std::this_thread::yield();
  stop();
  const auto output = ::testing::internal::GetCapturedStdout();
  ended = true;
  other.join();
  EXPECT_NE(output.find("from another thread"), std::string::npos);
  EXPECT_TRUE(output.ends_with("}\n"));
}

TEST(JsonLine, NamesEveryLevelAndKeepsItsTypes) {
  const std::pair<Level, const char*> levels[] = {
      {Level::debug, "debug"}, {Level::info, "info"}, {Level::warn, "warn"}, {Level::error, "error"}};
  for (const auto& [level, name] : levels) {
    EXPECT_NE(format_json("s", kNow, level, {}, "x", {}).find(std::string("\"level\":\"") + name + "\""),
              std::string::npos);
  }
  EXPECT_EQ(format_json("s", kNow, Level::info, {}, "x",
                        {{"id", Id<struct ThingTag>("o-1")},
                         {"number", std::int64_t{-1}},
                         {"size", std::uint64_t{7}},
                         {"text", std::string_view("a\0b", 3)},
                         {"no", false}}),
            R"({"ts":"1970-01-01T00:00:01.001Z","level":"info","msg":"x","service":"s",)"
            R"("id":"o-1","number":-1,"size":7,"text":"a\u0000b","no":false})");
}

TEST(LogfmtLine, OfAnyBytesIsOneLineWithoutControls) {
  constexpr unsigned kSeed = 20'261'126;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random() & 0xFF);
    const auto line = format_logfmt(kNow, Level::error, traced(), bytes, {{"f", bytes}});
    ASSERT_EQ(std::count_if(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }), 0)
        << "seed " << kSeed << ", round " << round << ": " << line;
  }
}

TEST(LogfmtLine, LeavesOutTheTraceOfWhatIsNoTrouble) {
  for (const auto level : {Level::debug, Level::info}) {
    EXPECT_EQ(format_logfmt(kNow, level, traced(), "x", {}).find("trace_id"), std::string::npos);
  }
  for (const auto level : {Level::warn, Level::error}) {
    EXPECT_NE(format_logfmt(kNow, level, traced(), "x", {}).find("trace_id="), std::string::npos);
    EXPECT_EQ(format_logfmt(kNow, level, {}, "x", {}).find("trace_id="), std::string::npos);
  }
}

}  // namespace
}  // namespace agora::log
