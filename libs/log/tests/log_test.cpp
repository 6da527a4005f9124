#include "libs/log/log.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace agora::log
