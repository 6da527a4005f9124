#include "libs/transfer/http.hpp"

#include <cstdlib>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "libs/testing/run.hpp"

namespace agora::transfer {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

/// Takes one connection, keeps what comes by it, gives the same answer to each of so many requests.
class OneServer {
 public:
  explicit OneServer(std::string answer, int requests = 1)
      : answer_(std::move(answer)), thread_([this, requests] { serve(requests); }) {}
  ~OneServer() {
    if (thread_.joinable()) thread_.join();
  }
  OneServer(const OneServer&) = delete;
  OneServer& operator=(const OneServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/p?q=1"; }
  /// All that was received, once the requests are over.
  std::string received() {
    thread_.join();
    return received_;
  }

 private:
  void serve(int requests) {
    auto socket = acceptor_.accept();
    std::string pending;
    for (int i = 0; i < requests; ++i) {
      const auto head = asio::read_until(socket, asio::dynamic_buffer(pending), "\r\n\r\n");
      const std::string name = "\r\nContent-Length: ";
      const auto at = pending.substr(0, head).find(name);
      const auto size = at == std::string::npos ? 0 : std::stoul(pending.substr(at + name.size()));
      if (pending.size() < head + size) {
        asio::read(socket, asio::dynamic_buffer(pending), asio::transfer_exactly(head + size - pending.size()));
      }
      received_ += pending.substr(0, head + size);
      pending.erase(0, head + size);
      asio::write(socket, asio::buffer(answer_));
    }
  }

  asio::io_context io_{};
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::string answer_;
  std::string received_{};
  std::thread thread_;
};

std::string ok(const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Result<HttpAnswer> asked(Transfers& transfers, HttpRequest request, std::chrono::milliseconds within = 10s) {
  return testing::run(ask(transfers, {.deadline = std::chrono::steady_clock::now() + within}, std::move(request)));
}

TEST(Http, AsksAndReadsTheAnswer) {
  Transfers transfers;
  OneServer server(ok("yes", "Retry-After: 7\r\nX-Twice: a\r\nX-Twice: b\r\n"));
  const auto answer = asked(transfers, {.url = server.url(), .headers = {"X-Own: 1"}, .answer_bytes_max = 3});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "yes");
  EXPECT_EQ(answer->header("retry-AFTER"), "7");
  EXPECT_EQ(answer->header("x-twice"), "a");
  EXPECT_EQ(answer->header("x-none"), std::nullopt);
  const auto received = server.received();
  EXPECT_TRUE(received.starts_with("GET /p?q=1 HTTP/1.1\r\n")) << received;
  EXPECT_NE(received.find("\r\nX-Own: 1\r\n"), std::string::npos) << received;
}

TEST(Http, SendsABodyOfAnyBytesAtOnceAndKeepsTheConnection) {
  Transfers transfers;
  OneServer server(ok(""), 2);
  // More than a megabyte: libcurl would ask first whether it may.
  const std::string body = std::string("a\0b", 3) + std::string(1 << 20, 'x');
  for (const auto* method : {"POST", "PUT"}) {
    const auto answer = asked(transfers, {.method = method, .url = server.url(), .body = body});
    ASSERT_TRUE(answer) << answer.error().message;
  }
  const auto received = server.received();
  EXPECT_TRUE(received.starts_with("POST /p?q=1 HTTP/1.1\r\n"));
  EXPECT_NE(received.find("PUT /p?q=1 HTTP/1.1\r\n"), std::string::npos);
  EXPECT_TRUE(received.ends_with(body));
  EXPECT_EQ(received.find("Expect:"), std::string::npos);
}

TEST(Http, ALongerAnswerThanAskedForIsNone) {
  Transfers transfers;
  OneServer server(ok("four"));
  const auto answer = asked(transfers, {.url = server.url(), .answer_bytes_max = 3});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().errc, Errc::unavailable);
  EXPECT_EQ(answer.error().code, "no_answer");
}

TEST(Http, ARedirectIsAnAnswerAndLeadsNowhere) {
  Transfers transfers;
  OneServer server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  const auto answer = asked(transfers, {.url = server.url()});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 302);
}

TEST(Http, NoProxyOfTheEnvironmentStandsBetween) {
  ASSERT_EQ(::setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  Transfers transfers;
  OneServer server(ok("direct"));
  const auto answer = asked(transfers, {.url = server.url(), .answer_bytes_max = 100});
  ::unsetenv("http_proxy");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "direct");
}

TEST(Http, OtherProtocolsAndPeersThatAreNotThereGiveNoAnswer) {
  Transfers transfers;
  for (const auto* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "http://127.0.0.1:1/", "no url"}) {
    const auto answer = asked(transfers, {.url = url, .answer_bytes_max = 1 << 20});
    ASSERT_FALSE(answer) << url;
    EXPECT_EQ(answer.error().code, "no_answer") << url;
  }
}

TEST(Http, EndsAtItsDeadlineAndWhenStopped) {
  asio::io_context io;
  // Takes connections, in the kernel, and says nothing.
  tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  const auto url = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/";
  Transfers transfers;
  EXPECT_FALSE(asked(transfers, {.url = url}, 50ms));
  auto waiting = testing::start(io, ask(transfers, {}, {.url = url}));
  std::thread runner([&io] { io.run(); });
  transfers.stop();
  EXPECT_FALSE(*waiting.get());
  runner.join();
  EXPECT_FALSE(asked(transfers, {.url = url}));
}

}  // namespace
}  // namespace agora::transfer
