// What a call is answered.

#include <gtest/gtest.h>

#include "libs/base/deadline.hpp"
#include "libs/grpc/tests/echo_server.hpp"

namespace agora::rpc {
namespace {

using namespace std::chrono_literals;

// As gRPC rounds it on its way.
constexpr auto kFiveSeconds = 5'100;
static_assert(ClientLimits().deadline_max == 5s);

TEST(Calls, BringTheAnswer) {
  EchoServer server(say_again);
  Client client(options_for(server.address()), server.metrics);
  const auto answer = say(client, "don't panic");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text(), "don't panic");
  const auto metrics = server.metrics.expose();
  EXPECT_NE(metrics.find("rpc_server_call_duration_seconds_count{rpc_method=\"agora.echo.v1.EchoService/Say\","
                         "rpc_response_status_code=\"OK\"} 1"),
            std::string::npos)
      << metrics;
  EXPECT_NE(metrics.find("rpc_client_call_duration_seconds_count{peer=\"echo\""), std::string::npos);
  // It is under way until gRPC has let go of it, which the caller does not wait for.
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (server.metrics.expose().find("rpc_server_active_requests 0") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
  }
}

TEST(Calls, PassDeadlineAndTraceOn) {
  EchoServer server(say_again);
  Client client(options_for(server.address()), server.metrics);
  auto ctx = within(5s);
  ctx.trace.trace_id[0] = 0x42;
  ctx.trace.span_id[0] = 1;
  const auto answer = testing::run(client.call(ctx, kSay, saying("x")));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->trace_id(), ctx.trace.trace_id_hex());
  EXPECT_GT(answer->milliseconds_left(), 0);
  EXPECT_LE(answer->milliseconds_left(), kFiveSeconds);
  // A caller with all the time in the world has as much as the client gives.
  const auto unhurried = testing::run(client.call(Ctx{}, kSay, saying("x")));
  ASSERT_TRUE(unhurried);
  EXPECT_GT(unhurried->milliseconds_left(), 0);
  EXPECT_LE(unhurried->milliseconds_left(), kFiveSeconds);
}

Task<Result<echo::v1::SayResponse>> refuse(Ctx, echo::v1::SayRequest request) {
  co_return Error{static_cast<Errc>(std::stoi(request.text())), "a_code", "Why not: é."};
}

TEST(Calls, BringEveryNo) {
  EchoServer server(refuse);
  Client client(options_for(server.address()), server.metrics);
  for (int i = 0; i < kErrcCount; ++i) {
    const auto answer = say(client, std::to_string(i));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().errc, static_cast<Errc>(i));
    EXPECT_EQ(answer.error().code, "a_code");
    EXPECT_EQ(answer.error().message, "Why not: é.");
  }
}

class Bug : public Unavailable {
 public:
  Bug() : Unavailable("a secret of the database") {}
  bool retry_helps() const override { return false; }
};

Task<Result<echo::v1::SayResponse>> fail(Ctx, echo::v1::SayRequest request) {
  if (request.text() == "late") throw DeadlineExceeded();
  if (request.text() == "down") throw Unavailable("a secret of the database");
  if (request.text() == "bug") throw Bug();
  throw std::runtime_error("a secret of the database");
}

TEST(Calls, ThatCannotBeAnsweredTellNoSecrets) {
  EchoServer server(fail);
  Client client(options_for(server.address()), server.metrics);
  const auto expect = [&](const char* text, Errc errc, const char* code) {
    const auto answer = say(client, text);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().errc, errc);
    EXPECT_EQ(answer.error().code, code);
    EXPECT_EQ(answer.error().message.find("secret"), std::string::npos);
  };
  expect("late", Errc::deadline_exceeded, "temporarily_unavailable");
  expect("down", Errc::unavailable, "temporarily_unavailable");
  expect("bug", Errc::unavailable, "internal_error");
  expect("else", Errc::unavailable, "internal_error");
}

TEST(Calls, NeedTheServiceToken) {
  EchoServer server([](Ctx, echo::v1::SayRequest) -> Task<Result<echo::v1::SayResponse>> {
    ADD_FAILURE() << "it was served";
    co_return echo::v1::SayResponse();
  });
  Client wrong(options_for(server.address(), "another token of thirty-two bytes"), server.metrics);
  const auto answer = say(wrong, "x");
  ASSERT_FALSE(answer);
  // Nothing that the caller's caller could take for its own fault.
  EXPECT_EQ(answer.error().errc, Errc::unavailable);
  EXPECT_EQ(answer.error().code, "temporarily_unavailable");
}

TEST(Calls, BeyondTheLimitAreRefusedAtOnce) {
  EchoServer server(say_again, {.calls_in_flight_max = 2});
  Client client(options_for(server.address()), server.metrics);
  asio::io_context io;
  std::vector<std::future<std::optional<Result<echo::v1::WaitResponse>>>> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.push_back(testing::start(io, client.call(within(4s), kWait, echo::v1::WaitRequest())));
  }
  std::thread thread([&] { io.run(); });
  ASSERT_TRUE(server.await_waiting(2));
  Client other(options_for(server.address()), server.metrics);
  const auto refused = say(other, "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().errc, Errc::unavailable);
  EXPECT_EQ(refused.error().code, "overloaded");
  server.let_go();
  for (auto& one : waiting) EXPECT_TRUE(*one.get());
  thread.join();
  EXPECT_TRUE(say(other, "x"));
}

TEST(Calls, LongerThanAllowedAreRefused) {
  EchoServer server(say_again, {.message_bytes_max = 10'000});
  auto options = options_for(server.address());
  Client client(options, server.metrics);
  EXPECT_TRUE(say(client, std::string(9'000, 'x')));
  const auto long_request = say(client, std::string(11'000, 'x'));
  ASSERT_FALSE(long_request);
  EXPECT_EQ(long_request.error().errc, Errc::unavailable);
  options.limits.message_bytes_max = 100;
  Client modest(options, server.metrics);
  EXPECT_FALSE(say(modest, std::string(1'000, 'x')));
}

Task<Result<echo::v1::SayResponse>> answer_at_length(Ctx, echo::v1::SayRequest) {
  echo::v1::SayResponse response;
  response.set_text(std::string(11'000, 'x'));
  co_return response;
}

TEST(Calls, AnAnswerLongerThanAllowedIsNotSent) {
  EchoServer server(answer_at_length, {.message_bytes_max = 10'000});
  Client client(options_for(server.address()), server.metrics);
  EXPECT_FALSE(say(client, "x"));
}

TEST(Calls, ThatAskForMoreTimeThanIsGivenAreRefused) {
  EchoServer server(say_again, {.deadline_max = 1'000ms});
  Client client(options_for(server.address()), server.metrics);
  const auto refused = say(client, "x", 4s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().errc, Errc::invalid_argument);
  EXPECT_EQ(refused.error().code, "deadline_required");
  EXPECT_TRUE(say(client, "x", 900ms));
}

TEST(Calls, UnderWayAreFinishedInADrain) {
  EchoServer server(say_again);
  Client client(options_for(server.address()), server.metrics);
  asio::io_context io;
  auto waiting = testing::start(io, client.call(within(4s), kWait, echo::v1::WaitRequest()));
  std::thread thread([&] { io.run(); });
  ASSERT_TRUE(server.await_waiting(1));
  server.server().begin_drain();
  Client other(options_for(server.address()), server.metrics);
  const auto refused = say(other, "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().errc, Errc::unavailable);
  auto drained = server.drain(10s);
  EXPECT_EQ(drained.wait_for(100ms), std::future_status::timeout);
  server.let_go();
  EXPECT_TRUE(*waiting.get());
  drained.get();
  thread.join();
}

TEST(Calls, AreCutOffAtTheDeadlineOfADrain) {
  EchoServer server(say_again);
  Client client(options_for(server.address()), server.metrics);
  asio::io_context io;
  auto waiting = testing::start(io, client.call(within(4s), kWait, echo::v1::WaitRequest()));
  std::thread thread([&] { io.run(); });
  ASSERT_TRUE(server.await_waiting(1));
  auto drained = server.drain(50ms);
  const auto cut_off = *waiting.get();
  ASSERT_FALSE(cut_off);
  EXPECT_EQ(cut_off.error().errc, Errc::unavailable);
  server.let_go();
  drained.get();
  thread.join();
}

TEST(Rows, AreWhatTheContractSays) {
  const Method<echo::v1::WaitRequest, echo::v1::SayResponse> wrong{"agora.echo.v1.EchoService/Say"};
  EXPECT_THROW(check_contract(wrong), std::logic_error);
  const Method<echo::v1::SayRequest, echo::v1::SayResponse> unknown{"agora.echo.v1.EchoService/Shout"};
  EXPECT_THROW(check_contract(unknown), std::logic_error);
  asio::io_context io;
  telemetry::Registry metrics;
  const auto authenticate = [](std::optional<std::string_view>) -> Result<Principal> { return Principal{}; };
  EXPECT_THROW(Server(io, {}, {row(kSay, say_again)}, authenticate, metrics), std::logic_error);
}

TEST(Port, ThatIsBusyIsTold) {
  EchoServer server(say_again);
  try {
    const EchoServer second(say_again, {}, server.port());
    FAIL() << "two share a port";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("in use by process"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("move it with --port"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace agora::rpc
