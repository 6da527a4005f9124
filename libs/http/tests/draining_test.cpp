// A drain that begins between any two steps of a server's thread: what is not answered was not done. Whoever asked
// without an idempotency key, and learns no more than that the connection ended, has lost nothing.

#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "libs/http/tests/client.hpp"
#include "libs/http/tests/test_server.hpp"

namespace agora::http {
namespace {

using namespace std::chrono_literals;

Task<Result<Response>> write_down(asio::io_context& io, int& written) {
  ++written;
  // A commit is awaited for more than one step.
  for (int i = 0; i < 3; ++i) co_await asio::post(io, asio::use_awaitable);
  co_return Response{.status = 201, .body = "written"};
}

struct Outcome {
  int written = 0;
  int written_before = 0;  ///< the drain began
  int status = 0;          ///< 0: the connection ended
};

/// A request is there before the server's thread takes its first step. It takes so many, and then drains; once it has
/// drained it takes so many more, as a process does that has other things to end, before it ends.
Outcome drain_between(int before, int after, std::chrono::milliseconds within) {
  Outcome outcome;
  telemetry::Registry metrics;
  const NoTokens nobody;
  std::optional<Client> client;
  {
    asio::io_context io{1};
    Router router;
    router.mount("", {row(Method::post, "/write", [&](Ctx, Request) { return write_down(io, outcome.written); })});
    Server server(io, {.name = "test", .addresses = {"127.0.0.1"}}, std::move(router), nobody, metrics);
    server.listen();
    client.emplace(server.port());
    client->send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    for (int i = 0; i < before; ++i) io.poll_one();
    bool drained = false;
    // Behind what waits for the thread already, as a signal is.
    asio::post(io, [&] {
      outcome.written_before = outcome.written;
      const auto done = [&drained](const std::exception_ptr&) { drained = true; };
      asio::co_spawn(io, server.drain(std::chrono::steady_clock::now() + within), done);
    });
    while (!drained) io.run_one();
    for (int i = 0; i < after; ++i) io.poll_one();
  }
  outcome.status = client->receive().status;
  return outcome;
}

TEST(Draining, WhatIsNotAnsweredWasNotDone) {
  int answered = 0;
  int refused = 0;
  for (int before = 0; before < 12; ++before) {
    for (int after = 0; after < 8; ++after) {
      const auto outcome = drain_between(before, after, 10s);
      EXPECT_EQ(outcome.written, outcome.status == 201 ? 1 : 0) << before << " steps before, " << after << " after";
      (outcome.status == 201 ? answered : refused) += 1;
    }
  }
  EXPECT_GT(answered, 0);
  EXPECT_GT(refused, 0);
}

TEST(Draining, WithoutTimeNothingBeginsAnyMore) {
  for (int before = 0; before < 12; ++before) {
    const auto outcome = drain_between(before, 8, 0ms);
    EXPECT_EQ(outcome.written, outcome.written_before) << before << " steps before";
  }
}

}  // namespace
}  // namespace agora::http
