// Streams of events on real connections: who reads, who does not, who goes, and what the server ends.

#include <map>
#include <thread>

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "libs/http/event_stream.hpp"
#include "libs/http/tests/client.hpp"
#include "libs/http/tests/test_server.hpp"

namespace agora::http {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTextBytes = 4'000;

/// Who has a bearer token is that user.
class TokenIsSubject final : public Authenticator {
 public:
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override {
    return Principal{.kind = Principal::Kind::user,
                     .roles = static_cast<std::uint8_t>(Role::user),
                     .subject = std::string(bearer.value_or("nobody"))};
  }
};

/// `GET /events`: what a test pushes goes to all that are open.
class Following {
 public:
  explicit Following(Limits limits = {}, std::chrono::milliseconds lasts = 1h)
      : lasts_(lasts),
        server_([this](TestServer& server) { return routes(server); }, limits, std::make_unique<TokenIsSubject>()) {}

  TestServer& server() { return server_; }
  /// A client that has read the head of its answer.
  std::unique_ptr<Client> follow(const std::string& token = "u1", const std::string& lines = "") {
    auto client = std::make_unique<Client>(server_.port());
    client->send("GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n" + lines + "\r\n");
    return client;
  }
  void push(int count, std::size_t bytes = kTextBytes) {
    for (int i = 0; i < count; ++i) {
      auto text = std::make_shared<const std::string>(event_block("l:1", "e", std::string(bytes, 'a')));
      asio::post(server_.io(), [this, text] {
        for (auto& [stream, unused] : open_) stream->push({++sequence_, text});
      });
    }
  }
  /// What streams read from now on fails.
  void fail_reads() { fails_ = true; }
  std::int64_t open() { return server_.metrics().gauge("agora_http_open_streams", "", {{"server", "test"}}).value(); }
  std::uint64_t closed(const std::string& reason) {
    return server_.metrics()
        .counter("agora_http_closed_streams_total", "", {{"server", "test"}, {"reason", reason}})
        .value();
  }
  bool closes(const std::string& reason) {
    return comes_true([&] { return open() == 0 && closed(reason) == 1; });
  }

 private:
  std::vector<Route> routes(TestServer& server) {
    auto events = row(Method::get, "/events", [this](Ctx, Request) { return begin(); }, Admission::stream);
    events.auth = Auth::user;
    events.produces = "text/event-stream";
    const auto held = [&server](Ctx, Request) { return hold(server); };
    return {std::move(events), row(Method::get, "/hello", says("hello")), row(Method::get, "/hold", held)};
  }
  static Task<std::vector<StreamEvent>> read_nothing(bool fails) {
    if (fails) throw std::runtime_error("the database is away");
    co_return std::vector<StreamEvent>{};
  }
  static Task<Result<Response>> hold(TestServer& server) {
    co_await server.turnstile().pass();
    co_return Response{.body = "held"};
  }
  Task<Result<Response>> begin() {
    const auto executor = co_await asio::this_coro::executor;
    const auto read = [this](std::int64_t, std::int64_t, std::int64_t) { return read_nothing(fails_); };
    Response response{.content_type = "text/event-stream"};
    const auto ends_at = std::chrono::steady_clock::now() + lasts_;
    response.stream =
        std::make_shared<EventStream>(executor, EventStream::Begin{.opening = "id: l:0\n\n", .ends_at = ends_at}, read);
    auto* stream = response.stream.get();
    open_.emplace(stream, true);
    stream->on_gone([this, stream] { open_.erase(stream); });
    co_return response;
  }

  const std::chrono::milliseconds lasts_;
  std::atomic<bool> fails_ = false;
  std::map<EventStream*, bool> open_;  ///< io thread only
  std::int64_t sequence_ = 0;
  TestServer server_;
};

TEST(Streaming, AnswersAHeadThenEventsUntilItCloses) {
  Following following;
  auto client = following.follow();
  const auto answer = client->receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
  EXPECT_FALSE(answer.headers.contains("content-length"));
  EXPECT_EQ(client->receive_until("\n\n"), "id: l:0\n\n");
  following.push(1, 3);
  EXPECT_EQ(client->receive_until("\n\n"), "id: l:1\nevent: e\ndata: aaa\n\n");
  following.push(1, 1);
  EXPECT_EQ(client->receive_until("\n\n"), "id: l:1\nevent: e\ndata: a\n\n");
}

TEST(Streaming, SaysThatItIsThereWhileNothingHappens) {
  Following following({.idle_deadline = 20ms, .stream_heartbeat = 10ms});
  auto client = following.follow();
  client->receive_until("id: l:0\n\n");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client->receive_until("\n\n"), ":\n\n");
}

TEST(Streaming, EndsWhoDoesNotReadAtItsLimit) {
  Following following({.stream_events_max = 8});
  auto client = following.follow();
  ASSERT_TRUE(comes_true([&] { return following.open() == 1; }));
  // More than the kernels take of it, 4 MB at most.
  following.push(2'000);
  EXPECT_TRUE(following.closes("queue_full"));
}

TEST(Streaming, EndsWhoTakesNothingForTooLong) {
  Following following({.idle_deadline = 50ms, .stream_events_max = 100'000, .stream_bytes_max = 100 << 20});
  auto client = following.follow();
  ASSERT_TRUE(comes_true([&] { return following.open() == 1; }));
  following.push(2'000);
  EXPECT_TRUE(following.closes("stalled"));
}

TEST(Streaming, GivesASlowReaderAllOfIt) {
  Following following({.stream_events_max = 100'000, .stream_bytes_max = 100 << 20});
  auto client = following.follow();
  ASSERT_TRUE(comes_true([&] { return following.open() == 1; }));
  following.push(2'000);
  client->receive_until("id: l:0\n\n");
  const auto whole = "id: l:1\nevent: e\ndata: " + std::string(kTextBytes, 'a') + "\n\n";
  for (int i = 0; i < 2'000; ++i) ASSERT_EQ(client->receive_until("\n\n"), whole) << i;
}

TEST(Streaming, GivesASlowReaderAnEventThatTakesLongerThanAStall) {
  Following following({.idle_deadline = 1s, .stream_bytes_max = 100 << 20});
  auto client = following.follow();
  client->receive_until("id: l:0\n\n");
  // 16 KiB in a millisecond: two seconds, the last of which is what kernels hold.
  constexpr std::size_t kLarge = 32 << 20;
  following.push(1, kLarge);
  for (std::size_t got = 0; got < kLarge;) {
    const auto more = client->skip_some();
    ASSERT_GT(more, 0U) << got;
    got += more;
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(following.closed("stalled"), 0U);
}

TEST(Streaming, EndsWhereWhatItNeedsCannotBeRead) {
  Following following({.stream_bytes_max = 0});
  auto client = following.follow();
  client->receive_until("id: l:0\n\n");
  following.fail_reads();
  following.push(1);
  EXPECT_TRUE(client->is_closed());
  EXPECT_TRUE(following.closes("failed"));
}

TEST(Streaming, NoticesThatItsClientWent) {
  Following following;
  {
    auto client = following.follow();
    client->receive_until("id: l:0\n\n");
  }
  EXPECT_TRUE(following.closes("client"));
  EXPECT_TRUE(comes_true([&] { return following.server().open_connections() == 0; }));
}

TEST(Streaming, DoesNotMindWhatAClientSaysMeanwhile) {
  Following following;
  auto client = following.follow();
  client->receive_until("id: l:0\n\n");
  client->send(std::string(100'000, 'x') + "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  following.push(1, 1);
  EXPECT_EQ(client->receive_until("\n\n"), "id: l:1\nevent: e\ndata: a\n\n");
}

TEST(Streaming, EndsWithItsToken) {
  Following following({}, 100ms);
  const auto started = std::chrono::steady_clock::now();
  auto client = following.follow();
  client->receive_until("id: l:0\n\n");
  EXPECT_TRUE(client->is_closed());
  EXPECT_GE(std::chrono::steady_clock::now() - started, 100ms);
  EXPECT_TRUE(following.closes("expired"));
}

TEST(Streaming, SaysWhenToComeBackWhenItDrains) {
  Following following;
  auto client = following.follow();
  client->receive_until("id: l:0\n\n");
  auto drained = following.server().drain(10s);
  const auto rest = client->receive_all();
  EXPECT_TRUE(rest.starts_with("retry: ") && rest.ends_with("\n\n")) << rest;
  EXPECT_GE(std::stoi(rest.substr(7)), 1'000);
  EXPECT_EQ(drained.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(following.closed("drained"), 1U);
}

TEST(Streaming, EndsWhoDoesNotReadWhenItDrains) {
  Following following({.stream_events_max = 100'000, .stream_bytes_max = 100 << 20});
  auto client = following.follow();
  ASSERT_TRUE(comes_true([&] { return following.open() == 1; }));
  following.push(2'000);
  EXPECT_EQ(following.server().drain(10s).wait_for(9s), std::future_status::ready);
}

TEST(Streaming, RefusesMoreStreamsThanItMayHave) {
  Following following({.streams_max = 2, .streams_per_principal_max = 1});
  auto first = following.follow("u1");
  EXPECT_EQ(first->receive().status, 200);
  const auto too_many_of_one = following.follow("u1")->receive();
  EXPECT_EQ(too_many_of_one.status, 429);
  EXPECT_TRUE(too_many_of_one.headers.contains("retry-after"));
  auto second = following.follow("u2");
  EXPECT_EQ(second->receive().status, 200);
  const auto too_many = following.follow("u3")->receive();
  EXPECT_EQ(too_many.status, 503);
  EXPECT_TRUE(too_many.headers.contains("retry-after"));
  first.reset();
  ASSERT_TRUE(comes_true([&] { return following.open() == 1; }));
  EXPECT_EQ(following.follow("u1")->receive().status, 200);
}

TEST(Streaming, HoldsNoRequestsShareAndNoConnectionsPlace) {
  Following following({.connections_max = 1, .requests_in_flight_max = 1, .reserved_percent = 0});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(following.follow());
    EXPECT_EQ(clients.back()->receive().status, 200);
  }
  Client other(following.server().port());
  other.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(other.receive().body, "hello");
}

TEST(Streaming, AnswersAHeadRequestWithTheHeadAlone) {
  Following following;
  Client client(following.server().port());
  client.send("HEAD /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer u1\r\n\r\n");
  EXPECT_EQ(client.receive(true).status, 200);
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(comes_true([&] { return following.open() == 0; }));
}

TEST(Streaming, IsNotForWhoAcceptsSomethingElse) {
  Following following;
  EXPECT_EQ(following.follow("u1", "Accept: application/json\r\n")->receive().status, 406);
  EXPECT_EQ(following.follow("u1", "Accept: text/event-stream\r\n")->receive().status, 200);
}

}  // namespace
}  // namespace agora::http
