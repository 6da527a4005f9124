#include "libs/http/server.hpp"

#include <cerrno>
#include <unistd.h>

#include <gtest/gtest.h>

#include "libs/base/unavailable.hpp"
#include "libs/http/tests/client.hpp"
#include "libs/http/tests/test_server.hpp"

namespace agora::http {
namespace {

using namespace std::chrono_literals;

constexpr auto kGet = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

Task<Result<Response>> echo(Ctx, Request request) {
  std::string body(request.body());
  if (const auto trailer = request.header("x-trailer")) body += *trailer;
  co_return Response{.status = 201, .body = std::move(body), .headers = {{"Location", "/a\r\nX-Evil: 1"}}};
}

Task<Result<Response>> hold(TestServer& server) {
  ++server.begun;
  co_await server.turnstile().pass();
  ++server.ended;
  co_return Response{.body = "held"};
}

Task<Result<Response>> count(TestServer& server) {
  ++server.begun;
  co_return Response{.body = "counted"};
}

std::vector<Route> routes(TestServer& server) {
  const auto held = [&server](Ctx, Request) { return hold(server); };
  return {row(Method::get, "/hello", says("hello")),
          row(Method::post, "/echo", echo),
          row(Method::post, "/count", [&server](Ctx, Request) { return count(server); }),
          row(Method::get, "/hold", held),
          row(Method::get, "/hold-reserved", held, Admission::reserved),
          row(Method::get, "/long", says(std::string(16 << 20, 'a')))};
}

std::string get(const std::string& path, const std::string& lines = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
}

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool has_code(const Answer& answer, const std::string& code) {
  return answer.headers.at("content-type") == "application/problem+json" &&
         answer.body.find("\"code\":\"" + code + "\"") != std::string::npos;
}

TEST(Server, AnswersWithTheFieldsThatAreItsBusiness) {
  TestServer server(routes);
  Client client(server.port());
  client.send(kGet);
  const auto answer = client.receive();
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_TRUE(answer.headers.at("date").ends_with(" GMT"));
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.headers.at("content-length"), "5");
  EXPECT_EQ(answer.headers.size(), 3U);
  EXPECT_EQ(answer.body, "hello");
}

TEST(Server, KeepsAConnectionUntilItIsAskedToClose) {
  TestServer server(routes);
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    EXPECT_EQ(client.receive().body, "hello");
  }
  client.send(get("/hello", "Connection: close\r\n"));
  const auto last = client.receive();
  EXPECT_EQ(last.body, "hello");
  EXPECT_EQ(last.headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST(Server, ClosesAfterHttp10UnlessAskedToStay) {
  TestServer server(routes);
  Client client(server.port());
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto first = client.receive();
  EXPECT_TRUE(first.head.starts_with("HTTP/1.0 200 "));
  EXPECT_EQ(first.headers.at("connection"), "keep-alive");
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.receive().headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server(routes);
  Client client(server.port());
  client.send(post("/echo", "1") + kGet + post("/echo", "22") + get("/none") + kGet);
  EXPECT_EQ(client.receive().body, "1");
  EXPECT_EQ(client.receive().body, "hello");
  EXPECT_EQ(client.receive().body, "22");
  EXPECT_EQ(client.receive().status, 404);
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(Server, NeverExecutesWhatFollowsARefusedRequest) {
  TestServer server(routes);
  for (const std::string refused :
       {"GET /hello HTTP/1.1\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    Client client(server.port());
    client.send(refused + post("/count", ""));
    const auto answer = client.receive();
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(has_code(answer, "bad_request"));
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_TRUE(client.is_closed());
  }
  EXPECT_EQ(server.begun, 0);
}

TEST(Server, ReadsChunkedBodiesAndIgnoresTrailers) {
  TestServer server(routes);
  Client client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e\r\nde\r\n0\r\nX-Trailer: "
      "t\r\n\r\n");
  const auto answer = client.receive();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "abcde");
}

TEST(Server, AnswersHeadLikeGetWithoutTheBody) {
  TestServer server(routes);
  Client client(server.port());
  client.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet));
  const auto head = client.receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "5");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST(Server, SaysContinueOnlyToWhomItMatters) {
  TestServer server(routes);
  Client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("abc");
  EXPECT_EQ(client.receive().body, "abc");

  Client eager(server.port());
  eager.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  EXPECT_EQ(eager.receive().status, 201);

  Client too_much(server.port());
  too_much.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(too_much.receive().status, 413);
}

TEST(Server, RefusesLongHeadersAndBodies) {
  TestServer server(routes, {.header_bytes_max = 100, .body_bytes_max = 1'000});
  Client long_header(server.port());
  long_header.send(get("/hello", "X: " + std::string(100, 'a') + "\r\n"));
  const auto header = long_header.receive();
  EXPECT_EQ(header.status, 431);
  EXPECT_TRUE(has_code(header, "header_too_large"));
  EXPECT_TRUE(long_header.is_closed());

  Client long_body(server.port());
  long_body.send(post("/echo", std::string(1'001, 'a')));
  const auto body = long_body.receive();
  EXPECT_EQ(body.status, 413);
  EXPECT_TRUE(has_code(body, "body_too_large"));
  EXPECT_TRUE(long_body.is_closed());
}

TEST(Server, LetsARefusedClientReadWhyThoughItSendsOn) {
  TestServer server(routes, {.body_bytes_max = 1'000});
  Client client(server.port());
  // Closed with bytes unread, the connection would be reset, and the reset may overtake the answer.
  EXPECT_TRUE(client.send(post("/echo", std::string(8 << 20, 'a'))));
  EXPECT_EQ(client.receive().status, 413);
}

TEST(Server, CutsHeadersThatDoNotEnd) {
  TestServer server(routes, {.header_deadline = 20ms});
  Client client(server.port());
  client.send("GET /hello HTTP/1.1\r\nHost:");
  EXPECT_TRUE(client.is_closed());
}

TEST(Server, CutsBodiesThatDoNotEnd) {
  TestServer server(routes, {.header_deadline = 20ms, .body_bytes_per_second_min = 1'000'000});
  Client client(server.port());
  client.send("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server.begun, 0);
}

TEST(Server, CutsIdleConnections) {
  TestServer server(routes, {.idle_deadline = 20ms});
  Client client(server.port());
  client.send(kGet);
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_TRUE(client.is_closed());
}

TEST(Server, CutsWhoDoesNotReadItsAnswer) {
  TestServer server(routes, {.idle_deadline = 20ms});
  Client client(server.port());
  client.send(get("/long"));
  ASSERT_TRUE(comes_true([&] { return server.open_connections() == 1; }));
  EXPECT_TRUE(comes_true([&] { return server.open_connections() == 0; }));
}

TEST(Server, GivesAHandlerMoreTimeThanItGivesAClient) {
  TestServer server(routes, {.header_deadline = 1ms, .idle_deadline = 1ms});
  Client client(server.port());
  client.send(get("/hold"));
  ASSERT_TRUE(server.turnstile().await_arrivals(1));
  // Two sweeps cut what is idle; the connection that is being answered stays.
  for (int i = 0; i < 2; ++i) {
    Client idle(server.port());
    EXPECT_TRUE(idle.is_closed());
  }
  server.turnstile().open();
  EXPECT_EQ(client.receive().body, "held");
}

TEST(Server, TurnsAwayMoreConnectionsThanItsLimit) {
  TestServer server(routes, {.connections_max = 1});
  Client first(server.port());
  first.send(kGet);
  EXPECT_EQ(first.receive().status, 200);
  Client second(server.port());
  const auto answer = second.receive();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(has_code(answer, "overloaded"));
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  EXPECT_TRUE(second.is_closed());
  first.send(kGet);
  EXPECT_EQ(first.receive().status, 200);
}

TEST(Server, ShedsBeforeTheHandlerAndKeepsAShare) {
  TestServer server(routes, {.requests_in_flight_max = 2, .reserved_percent = 50});
  Client normal(server.port());
  normal.send(get("/hold"));
  ASSERT_TRUE(server.turnstile().await_arrivals(1));

  Client shed(server.port());
  shed.send(post("/count", ""));
  const auto answer = shed.receive();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(has_code(answer, "overloaded"));
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  EXPECT_EQ(server.begun, 1);

  Client reserved(server.port());
  reserved.send(get("/hold-reserved"));
  ASSERT_TRUE(server.turnstile().await_arrivals(2));
  shed.send(get("/hold-reserved"));
  EXPECT_EQ(shed.receive().status, 503);
  EXPECT_EQ(server.begun, 2);

  server.turnstile().open();
  EXPECT_EQ(normal.receive().body, "held");
  EXPECT_EQ(reserved.receive().body, "held");
  shed.send(post("/count", ""));
  EXPECT_EQ(shed.receive().body, "counted");
  EXPECT_EQ(server.metrics().counter("agora_http_shed_requests_total", "", {{"server", "test"}}).value(), 2U);
}

TEST(Server, FinishesWhatAVanishedClientBegan) {
  TestServer server(routes);
  {
    Client client(server.port());
    client.send(get("/hold"));
    ASSERT_TRUE(server.turnstile().await_arrivals(1));
  }
  server.turnstile().open();
  EXPECT_TRUE(comes_true([&] { return server.ended == 1 && server.open_connections() == 0; }));
}

TEST(Server, DrainsWhatIsUnderWay) {
  TestServer server(routes);
  Client idle(server.port());
  idle.send(kGet);
  EXPECT_EQ(idle.receive().status, 200);
  Client busy(server.port());
  busy.send(get("/hold"));
  ASSERT_TRUE(server.turnstile().await_arrivals(1));

  auto drained = server.drain(10s);
  EXPECT_TRUE(idle.is_closed());
  EXPECT_FALSE(accepts_connections(server.port()));
  EXPECT_NE(drained.wait_for(0s), std::future_status::ready);
  server.turnstile().open();
  const auto answer = busy.receive();
  EXPECT_EQ(answer.body, "held");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(busy.is_closed());
  EXPECT_EQ(drained.wait_for(10s), std::future_status::ready);
}

TEST(Server, DrainsNoLongerThanItMay) {
  TestServer server(routes);
  Client client(server.port());
  client.send(get("/hold"));
  ASSERT_TRUE(server.turnstile().await_arrivals(1));
  auto drained = server.drain(20ms);
  EXPECT_EQ(drained.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(server.ended, 0);
}

TEST(Server, AHeaderValueNeverEndsItsLine) {
  TestServer server(routes);
  Client client(server.port());
  client.send(post("/echo", ""));
  const auto answer = client.receive();
  EXPECT_EQ(answer.headers.at("location"), "/a  X-Evil: 1");
  EXPECT_FALSE(answer.headers.contains("x-evil"));
}

TEST(Server, NamesWhoHoldsItsPort) {
  TestServer first(routes);
  telemetry::Registry metrics;
  const NoTokens no_tokens;
  asio::io_context io;
  Server second(
      io, {.name = "second", .addresses = {"127.0.0.1"}, .port = first.port(), .port_setting = "--port or AGORA_PORT"},
      {}, no_tokens, metrics);
  try {
    second.listen();
    FAIL() << "two servers listen on one port";
  } catch (const PortInUse& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("port " + std::to_string(first.port()) + " on 127.0.0.1"), std::string::npos) << text;
    EXPECT_NE(text.find("process " + std::to_string(::getpid()) + " (" + ::program_invocation_short_name + ")"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("--port or AGORA_PORT"), std::string::npos) << text;
  }
}

TEST(Server, MayGoWhileItsContextRunsOn) {
  telemetry::Registry metrics;
  const NoTokens no_tokens;
  asio::io_context io;
  {
    Server server(io, {.name = "short", .addresses = {"127.0.0.1"}, .port_setting = "--port"}, {}, no_tokens, metrics);
    server.listen();
  }
  io.run_for(10s);
  EXPECT_TRUE(io.stopped()) << "nothing of the server is left to wait for";
}

TEST(Server, CountsByRouteMethodAndStatus) {
  TestServer server(routes);
  Client client(server.port());
  client.send(kGet + get("/none/u1") + "POST /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  client.receive_all();
  ASSERT_TRUE(comes_true([&] { return server.open_connections() == 0; }));
  const auto text = server.metrics().expose();
  for (const std::string series :
       {R"(http_request_method="GET",http_route="/hello",http_response_status_code="200"} 1)",
        R"(http_request_method="GET",http_route="",http_response_status_code="404"} 1)",
        R"(http_request_method="POST",http_route="",http_response_status_code="404"} 1)"}) {
    EXPECT_NE(text.find("http_server_request_duration_seconds_count{server=\"test\"," + series), std::string::npos)
        << series << text;
  }
  EXPECT_EQ(text.find("u1"), std::string::npos);
}

TEST(Server, AnswersAHeadThatIsRefusedWithoutTheBody) {
  TestServer server(routes);
  Client client(server.port());
  for (const auto& [path, status] : {std::pair("/none", 404), std::pair("/count", 405)}) {
    client.send(std::string("HEAD ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n" + kGet);
    const auto head = client.receive(true);
    EXPECT_EQ(head.status, status) << path;
    EXPECT_NE(head.headers.at("content-length"), "0") << path;
    EXPECT_EQ(client.receive().body, "hello") << path;
  }
  EXPECT_EQ(server.begun, 0);
}

TEST(Server, RefusesChunkedBodiesThatBecomeTooLarge) {
  TestServer server(routes, {.body_bytes_max = 10});
  Client client(server.port());
  client.send(
      "POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n" +
      post("/count", ""));
  const auto answer = client.receive();
  EXPECT_EQ(answer.status, 413);
  EXPECT_TRUE(has_code(answer, "body_too_large"));
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server.begun, 0);
}

TEST(Server, TakesTheLargestHeaderAndBodyThatItMay) {
  TestServer server(routes, {.header_bytes_max = 100, .body_bytes_max = 10});
  Client client(server.port());
  client.send(post("/echo", std::string(10, 'a')));
  EXPECT_EQ(client.receive().body, std::string(10, 'a'));
  const auto bare = get("/hello", "X: \r\n");
  client.send(get("/hello", "X: " + std::string(100 - bare.size(), 'a') + "\r\n"));
  EXPECT_EQ(client.receive().body, "hello");
  client.send(get("/hello", "X: " + std::string(101 - bare.size(), 'a') + "\r\n"));
  EXPECT_EQ(client.receive().status, 431);
}

TEST(Server, AnswersWhatCameBeforeARefusedRequest) {
  TestServer server(routes);
  Client client(server.port());
  client.send(post("/count", "") + "GET /hello HTTP/1.1\r\nHost : x\r\n\r\n" + post("/count", ""));
  EXPECT_EQ(client.receive().body, "counted");
  EXPECT_EQ(client.receive().status, 400);
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server.begun, 1);
}

TEST(Server, RefusesNewConnectionsWhenDrainedAndIsDoneAtOnceWhenIdle) {
  TestServer server(routes);
  EXPECT_TRUE(accepts_connections(server.port()));
  EXPECT_EQ(server.drain(10s).wait_for(9s), std::future_status::ready) << "with nothing under way";
  EXPECT_FALSE(accepts_connections(server.port()));
}

}  // namespace
}  // namespace agora::http
