#include "libs/telemetry/trace.hpp"

#include <string>

#include <gtest/gtest.h>

namespace agora::telemetry {
namespace {

constexpr const char* kGood = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, ReadsItsOwnWriting) {
  const auto trace = parse_traceparent(kGood);
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->traceparent(), kGood);
  EXPECT_EQ(parse_traceparent(new_trace().traceparent())->flags, 1);
}

TEST(Traceparent, TakesLaterVersionsAsFarAsItKnowsThem) {
  EXPECT_TRUE(parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes").has_value());
  EXPECT_TRUE(parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").has_value());
  EXPECT_FALSE(parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what").has_value());
}

TEST(Traceparent, RefusesTheRest) {
  for (const char* header : {"", "00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                             "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                             "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                             "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                             "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                             "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                             "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                             "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01"}) {
    EXPECT_FALSE(parse_traceparent(header).has_value()) << header;
  }
}

TEST(Traceparent, IsCutAtNoPlaceThatPasses) {
  const std::string good(kGood);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_traceparent(good.substr(0, size)).has_value()) << size;
  }
}

TEST(NewTrace, IsAnotherEachTime) {
  const auto trace = new_trace();
  EXPECT_TRUE(trace.valid());
  EXPECT_NE(trace.trace_id, new_trace().trace_id);
  EXPECT_EQ(trace.flags & 1, 1);
}

TEST(ChildSpan, KeepsTheTraceAndHasItsOwnSpan) {
  const auto parent = new_trace();
  const auto child = child_of(parent);
  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_NE(child.span_id, parent.span_id);
}

}  // namespace
}  // namespace agora::telemetry
