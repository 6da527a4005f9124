#include "libs/telemetry/job_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

namespace agora::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(JobLoop, GoesOnAfterARoundThatThrewAndStopsWhenAsked) {
  asio::io_context io;
  Registry metrics;
  int rounds = 0;
  JobLoop* running = nullptr;
  const auto round = [&](Ctx ctx) -> Task<MoreWork> {
    EXPECT_FALSE(ctx.expired());
    ++rounds;
    if (rounds == 2) throw std::runtime_error("a bad round");
    if (rounds == 5) asio::co_spawn(io, running->stop(), asio::detached);
    co_return rounds < 3 ? MoreWork::yes : MoreWork::no;
  };
  JobLoop loop(io, "test", 1ms, 1s, round, metrics);
  running = &loop;
  io.run();
  EXPECT_EQ(rounds, 5);
  const auto text = metrics.expose();
  EXPECT_NE(text.find("agora_job_rounds_total{job=\"test\"} 5\n"), std::string::npos);
  EXPECT_NE(text.find("agora_job_failures_total{job=\"test\"} 1\n"), std::string::npos);
}

TEST(JobLoop, StopWaitsForTheRoundUnderWay) {
  asio::io_context io;
  Registry metrics;
  bool ended = false;
  bool stopped_after_end = false;
  const auto round = [&](Ctx) -> Task<MoreWork> {
    co_await asio::post(io, asio::use_awaitable);
    co_await asio::post(io, asio::use_awaitable);
    ended = true;
    co_return MoreWork::no;
  };
  JobLoop loop(io, "test", 1h, 1s, round, metrics);
  const auto stop = [](JobLoop& l, bool& e, bool& out) -> Task<void> {
    co_await l.stop();
    out = e;
  };
  io.run_one();
  asio::co_spawn(io, stop(loop, ended, stopped_after_end), asio::detached);
  io.run();
  EXPECT_TRUE(stopped_after_end);
}

}  // namespace
}  // namespace agora::telemetry
