// What a peer that is dead, slow or gone costs.

#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "libs/grpc/tests/echo_server.hpp"

namespace agora::rpc {
namespace {

using namespace std::chrono_literals;
using Tcp = asio::ip::tcp;

/// How long something took.
std::chrono::milliseconds time_of(const std::function<void()>& what) {
  const auto started = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
}

/// A port that nobody listens on.
std::uint16_t closed_port() {
  asio::io_context io;
  const Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  return acceptor.local_endpoint().port();
}

TEST(DeadPeer, IsToldAtOnce) {
  telemetry::Registry metrics;
  Client client(options_for("127.0.0.1:" + std::to_string(closed_port())), metrics);
  const auto took = time_of([&] {
    const auto answer = say(client, "x");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().errc, Errc::unavailable);
  });
  EXPECT_LT(took, 3s);
}

TEST(SilentPeer, CostsTheDeadlineAndNoMore) {
  asio::io_context io;
  // The kernel accepts for it; it never says a word.
  const Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  telemetry::Registry metrics;
  Client client(options_for("127.0.0.1:" + std::to_string(acceptor.local_endpoint().port())), metrics);
  const auto took = time_of([&] {
    const auto answer = say(client, "x", 300ms);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().errc, Errc::deadline_exceeded);
  });
  EXPECT_GE(took, 290ms);
  EXPECT_LT(took, 900ms);
}

TEST(SlowPeer, CostsTheDeadlineAndNoMore) {
  EchoServer server(say_again);
  Client client(options_for(server.address()), server.metrics);
  ASSERT_TRUE(say(client, "x"));
  const auto took = time_of([&] {
    const auto answer = testing::run(client.call(within(300ms), kWait, echo::v1::WaitRequest()));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().errc, Errc::deadline_exceeded);
    EXPECT_EQ(answer.error().code, "temporarily_unavailable");
  });
  EXPECT_GE(took, 290ms);
  EXPECT_LT(took, 900ms);
}

TEST(PeerThatRestarts, IsReachedAgainWithinASecond) {
  telemetry::Registry metrics;
  const auto port = closed_port();
  Client client(options_for("127.0.0.1:" + std::to_string(port)), metrics);
  {
    EchoServer server(say_again, {}, port);
    ASSERT_TRUE(say(client, "x"));
  }
  // Down for long enough that the pauses between attempts have grown to what they may.
  const auto down_until = std::chrono::steady_clock::now() + 3s;
  while (std::chrono::steady_clock::now() < down_until) ASSERT_FALSE(say(client, "x"));
  const EchoServer server(say_again, {}, port);
  const auto back = std::chrono::steady_clock::now();
  while (!say(client, "x")) ASSERT_LT(std::chrono::steady_clock::now() - back, 10s);
  EXPECT_LE(std::chrono::steady_clock::now() - back, 1s);
}

/// Accepts connections, takes what comes and hangs up; counts how often.
class HangsUp {
 public:
  HangsUp() {
    asio::co_spawn(io_, accept(acceptor_, count), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~HangsUp() {
    io_.stop();
    thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  std::atomic<int> count{0};

 private:
  static Task<void> accept(Tcp::acceptor& acceptor, std::atomic<int>& count) {
    while (true) {
      auto socket = co_await acceptor.async_accept(asio::use_awaitable);
      ++count;
    }
  }

  asio::io_context io_;
  Tcp::acceptor acceptor_{io_, Tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
  std::thread thread_;
};

std::string attempts(telemetry::Registry& metrics, const char* method) {
  const auto text = metrics.expose();
  const auto line =
      text.find("rpc_client_call_duration_seconds_count{peer=\"echo\",rpc_method=\"" + std::string(method));
  if (line == std::string::npos) return "0";
  const auto value = text.find("} ", line) + 2;
  return text.substr(value, text.find('\n', value) - value);
}

TEST(Retries, AreForSafeCallsAloneAndBounded) {
  HangsUp peer;
  telemetry::Registry metrics;
  Client client(options_for(peer.address()), metrics);
  EXPECT_FALSE(say(client, "x"));
  EXPECT_EQ(attempts(metrics, "agora.echo.v1.EchoService/Say"), "3");
  EXPECT_FALSE(testing::run(client.call(within(20s), kWait, echo::v1::WaitRequest())));
  EXPECT_EQ(attempts(metrics, "agora.echo.v1.EchoService/Wait"), "1");
}

TEST(Client, ThatIsStoppedEndsWhatIsUnderWay) {
  EchoServer server(say_again);
  Client client(options_for(server.address()), server.metrics);
  asio::io_context io;
  auto waiting = testing::start(io, client.call(within(20s), kWait, echo::v1::WaitRequest()));
  std::thread thread([&] { io.run(); });
  ASSERT_TRUE(server.await_waiting(1));
  asio::post(io, [&] { client.stop(); });
  const auto took = time_of([&] {
    EXPECT_FALSE(*waiting.get());
    EXPECT_FALSE(say(client, "x"));
  });
  EXPECT_LT(took, 3s);
  thread.join();
}

TEST(Calls, GivenUpBeforeTheyBeganAreNotBegun) {
  std::atomic<int> begun{0};
  EchoServer server([&begun](Ctx ctx, echo::v1::SayRequest request) {
    ++begun;
    return say_again(std::move(ctx), std::move(request));
  });
  Client client(options_for(server.address()), server.metrics);
  ASSERT_TRUE(say(client, "x"));
  ASSERT_EQ(begun, 1);
  const auto release = server.block();
  const auto late = say(client, "x", 200ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().errc, Errc::deadline_exceeded);
  release();
  ASSERT_TRUE(say(client, "x"));
  EXPECT_EQ(begun, 2);
}

TEST(Address, IsHostAndPort) {
  for (const auto* good : {"127.0.0.1:9000", "order:9000", "[::1]:9000"}) EXPECT_TRUE(is_address(good)) << good;
  for (const auto* bad :
       {"", ":9000", "order", "order:", "order:0", "order:99999", "http://order:9000", "::1:9000", "a b:1"}) {
    EXPECT_FALSE(is_address(bad)) << bad;
  }
}

}  // namespace
}  // namespace agora::rpc
