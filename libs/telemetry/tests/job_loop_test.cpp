#include "libs/telemetry/job_loop.hpp"

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
  EXPECT_NE(text.find("agora_job_rounds_total{job=\"test\"} 5\n"), std::string::npos);
  EXPECT_NE(text.find("agora_job_failures_total{job=\"test\"} 1\n"), std::string::npos);
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

}  // namespace
}  // namespace agora::telemetry
