#include "libs/telemetry/tracer.hpp"

#include <gtest/gtest.h>

#include "libs/telemetry/trace.hpp"

namespace agora::telemetry {
namespace {

/// One whose last 56 bits begin with this byte.
TraceContext trace_with(std::uint8_t byte) {
  auto trace = new_trace();
  trace.trace_id[9] = byte;
  return trace;
}

struct TracerTest : ::testing::Test {
  void start(double sampled, std::size_t queue_max = 8, std::size_t batch_max = 4) {
    tracer.start({sampled, queue_max, batch_max}, [this] { ++full; });
  }
  std::uint64_t dropped() const { return tracer.counters().queue_full.value(); }

  Tracer tracer{};
  int full = 0;
};

TEST_F(TracerTest, NothingIsToldBeforeItIsStarted) {
  const auto trace = new_trace();
  EXPECT_FALSE(tracer.on());
  EXPECT_FALSE(tracer.records(trace));
  EXPECT_FALSE(tracer.recorded(trace.traceparent()).has_value());
  // Whoever hears of it may tell of it.
  EXPECT_EQ(tracer.enter(trace).flags, 1);
  EXPECT_EQ(tracer.enter(std::nullopt).flags, 1);
}

TEST_F(TracerTest, TheShareIsChosenByTheTraceId) {
  start(0.25);
  EXPECT_TRUE(tracer.records(trace_with(0x3F)));
  EXPECT_FALSE(tracer.records(trace_with(0x40)));
  EXPECT_EQ(tracer.enter(trace_with(0x3F)).flags, 1);
  EXPECT_EQ(tracer.enter(trace_with(0x40)).flags, 0);
}

TEST_F(TracerTest, AllOrNoneAreShares) {
  start(1);
  EXPECT_TRUE(tracer.records(trace_with(0xFF)));
  Tracer none;
  none.start({.sampled = 0}, [] {});
  EXPECT_FALSE(none.records(trace_with(0)));
}

TEST_F(TracerTest, WhatTheSenderLeavesOutIsNotTold) {
  start(1);
  auto trace = new_trace();
  trace.flags = 0;
  EXPECT_FALSE(tracer.records(trace));
  EXPECT_FALSE(tracer.recorded(trace.traceparent()).has_value());
  EXPECT_EQ(tracer.enter(trace).flags, 0);
}

TEST_F(TracerTest, ARequestKeepsItsTraceAndGetsASpanOfItsOwn) {
  start(1);
  const auto sent = new_trace();
  const auto entered = tracer.enter(sent);
  EXPECT_EQ(entered.trace_id, sent.trace_id);
  EXPECT_NE(entered.span_id, sent.span_id);
  EXPECT_EQ(tracer.recorded(sent.traceparent())->span_id, sent.span_id);
  EXPECT_FALSE(tracer.recorded("").has_value());
  EXPECT_FALSE(tracer.recorded("nonsense").has_value());
}

TEST_F(TracerTest, WhatDoesNotFitIsDroppedAndCounted) {
  start(1);
  for (int i = 0; i < 11; ++i) tracer.tell({.name = std::to_string(i)});
  EXPECT_EQ(dropped(), 3U);
  // Two batches became full.
  EXPECT_EQ(full, 2);
  EXPECT_TRUE(tracer.has_batch());
  const auto first = tracer.take();
  ASSERT_EQ(first.size(), 4U);
  EXPECT_EQ(first[0].name, "0");
  EXPECT_EQ(tracer.take()[3].name, "7");
  EXPECT_TRUE(tracer.empty());
  EXPECT_TRUE(tracer.take().empty());
  tracer.tell({.name = "again"});
  EXPECT_EQ(tracer.take()[0].name, "again");
}

}  // namespace
}  // namespace agora::telemetry
