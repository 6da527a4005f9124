#include "libs/telemetry/job_loop.hpp"

#include <stdexcept>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

namespace agora::telemetry {
namespace {

using namespace std::chrono_literals;

/// What a job's rounds did.
struct Seen {
  asio::io_context& io;
  JobLoop* loop = nullptr;
  int rounds = 0;
  bool ended = false;
};

Task<MoreWork> throwing_round(Seen& seen, Ctx ctx) {
  EXPECT_FALSE(ctx.expired());
  ++seen.rounds;
  if (seen.rounds == 2) throw std::runtime_error("a bad round");
  if (seen.rounds == 5) asio::co_spawn(seen.io, seen.loop->stop(), asio::detached);
  co_return seen.rounds < 3 ? MoreWork::yes : MoreWork::no;
}

Task<MoreWork> slow_round(Seen& seen) {
  co_await asio::post(seen.io, asio::use_awaitable);
  co_await asio::post(seen.io, asio::use_awaitable);
  seen.ended = true;
  co_return MoreWork::no;
}

Task<void> stop(Seen& seen, bool& stopped_after_end) {
  co_await seen.loop->stop();
  stopped_after_end = seen.ended;
}

TEST(JobLoop, GoesOnAfterARoundThatThrewAndStopsWhenAsked) {
  asio::io_context io;
  Registry metrics;
  Seen seen{io};
  const auto round = [&seen](Ctx ctx) { return throwing_round(seen, std::move(ctx)); };
  JobLoop loop(io, "test", 1ms, 1s, round, metrics);
  seen.loop = &loop;
  io.run();
  EXPECT_EQ(seen.rounds, 5);
  const auto text = metrics.expose();
  EXPECT_NE(text.find("agora_job_rounds_total{job_name=\"test\"} 5\n"), std::string::npos);
  EXPECT_NE(text.find("agora_job_failures_total{job_name=\"test\"} 1\n"), std::string::npos);
}

TEST(JobLoop, StopWaitsForTheRoundUnderWay) {
  asio::io_context io;
  Registry metrics;
  Seen seen{io};
  bool stopped_after_end = false;
  const auto round = [&seen](Ctx) { return slow_round(seen); };
  JobLoop loop(io, "test", 1h, 1s, round, metrics);
  seen.loop = &loop;
  io.run_one();
  asio::co_spawn(io, stop(seen, stopped_after_end), asio::detached);
  io.run();
  EXPECT_TRUE(stopped_after_end);
}

/// The first round throws what is no std::exception; the second stops the loop.
Task<MoreWork> odd_round(Seen& seen) {
  ++seen.rounds;
  if (seen.rounds == 1) throw 42;
  asio::co_spawn(seen.io, seen.loop->stop(), asio::detached);
  co_return MoreWork::no;
}

TEST(JobLoop, SurvivesWhateverARoundThrows) {
  asio::io_context io;
  Registry metrics;
  Seen seen{io};
  const auto round = [&seen](Ctx) { return odd_round(seen); };
  JobLoop loop(io, "test", 1ms, 1s, round, metrics);
  seen.loop = &loop;
  EXPECT_NO_THROW(io.run());
  EXPECT_EQ(seen.rounds, 2);
  EXPECT_EQ(metrics.counter("agora_job_failures_total", "", {{"job_name", "test"}}).value(), 1U);
}

TEST(JobLoop, SurvivesAJobThatIsNoCoroutineYet) {
  asio::io_context io;
  Registry metrics;
  Seen seen{io, nullptr, 2};
  bool first = true;
  const auto round = [&](Ctx) {
    if (std::exchange(first, false)) throw std::runtime_error("before there is a coroutine");
    return throwing_round(seen, {});
  };
  JobLoop loop(io, "test", 1ms, 1s, round, metrics);
  seen.loop = &loop;
  EXPECT_NO_THROW(io.run());
  EXPECT_EQ(seen.rounds, 5);
  EXPECT_EQ(metrics.counter("agora_job_failures_total", "", {{"job_name", "test"}}).value(), 1U);
}

/// More to do at once, until the third.
Task<MoreWork> busy_round(Seen& seen) {
  if (++seen.rounds < 3) co_return MoreWork::yes;
  asio::co_spawn(seen.io, seen.loop->stop(), asio::detached);
  co_return MoreWork::yes;
}

TEST(JobLoop, GoesOnAtOnceWhileThereIsMoreToDo) {
  asio::io_context io;
  Registry metrics;
  Seen seen{io};
  const auto round = [&seen](Ctx) { return busy_round(seen); };
  JobLoop loop(io, "test", 1h, 1s, round, metrics);
  seen.loop = &loop;
  EXPECT_GT(io.run_for(10s), 0U);
  EXPECT_TRUE(io.stopped()) << "no interval was waited for";
  EXPECT_GE(seen.rounds, 3);
}

/// Wakes its own loop once, as what commits in the middle of a round does; the third round ends it.
Task<MoreWork> woken_round(Seen& seen) {
  ++seen.rounds;
  if (seen.rounds == 1) seen.loop->wake();
  if (seen.rounds == 3) asio::co_spawn(seen.io, seen.loop->stop(), asio::detached);
  co_return MoreWork::no;
}

TEST(JobLoop, IsWokenFromItsIntervalAndInTheMiddleOfARound) {
  asio::io_context io;
  Registry metrics;
  Seen seen{io};
  const auto round = [&seen](Ctx) { return woken_round(seen); };
  JobLoop loop(io, "test", 1h, 1s, round, metrics);
  seen.loop = &loop;
  while (seen.rounds < 2) io.run_one();
  io.poll();
  EXPECT_EQ(seen.rounds, 2) << "woken once, it came once more";
  loop.wake();
  io.run();
  EXPECT_EQ(seen.rounds, 3);
}

/// Fails until the fourth; the fifth ends it.
Task<MoreWork> failing_round(Seen& seen) {
  ++seen.rounds;
  if (seen.rounds == 5) asio::co_spawn(seen.io, seen.loop->stop(), asio::detached);
  if (seen.rounds < 4) throw std::runtime_error("a bad round");
  co_return MoreWork::yes;
}

TEST(JobLoop, WhatFailsWaitsHoweverOftenItIsWoken) {
  asio::io_context io;
  Registry metrics;
  Seen seen{io};
  const auto round = [&seen](Ctx) { return failing_round(seen); };
  const auto began = std::chrono::steady_clock::now();
  JobLoop loop(io, "test", 10ms, 1s, round, metrics);
  seen.loop = &loop;
  while (!io.stopped()) {
    loop.wake();
    io.run_one();
  }
  EXPECT_EQ(seen.rounds, 5);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 10ms + 20ms + 40ms) << "longer after each";
}

}  // namespace
}  // namespace agora::telemetry
