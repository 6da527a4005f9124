#include "libs/http/health.hpp"

#include <gtest/gtest.h>

#include "libs/http/error_table.hpp"
#include "libs/http/probe.hpp"
#include "libs/http/tests/client.hpp"
#include "libs/http/tests/test_server.hpp"

namespace agora::http {
namespace {

using namespace std::chrono_literals;

Answer get(const TestServer& server, const std::string& path) {
  Client client(server.port());
  client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  return client.receive();
}

TEST(Health, SaysWhetherTheProcessMayBeSentWork) {
  std::atomic<bool> broken{false};
  Readiness readiness;
  readiness.add_check("database", [&]() -> std::optional<std::string> {
    if (broken) return "cannot write";
    return std::nullopt;
  });
  TestServer server([&](TestServer& s) { return health_routes(readiness, s.metrics()); });

  EXPECT_EQ(get(server, "/livez").body, "ok\n");
  EXPECT_EQ(get(server, "/readyz").body, "ok\n");
  EXPECT_EQ(get(server, "/readyz?verbose").body, "[+] database ok\nready\n");
  EXPECT_TRUE(probe("127.0.0.1", server.port(), "/readyz", 10s));

  broken = true;
  EXPECT_EQ(get(server, "/livez").status, 200);
  const auto answer = get(server, "/readyz?verbose");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "[-] database: cannot write\nnot ready\n");
  EXPECT_FALSE(probe("127.0.0.1", server.port(), "/readyz", 10s));
}

TEST(Health, IsNotReadyWhileItDrains) {
  Readiness readiness;
  EXPECT_TRUE(readiness.ready());
  readiness.set_draining();
  EXPECT_FALSE(readiness.ready());
  EXPECT_EQ(readiness.report(), "[-] draining\nnot ready\n");
}

TEST(Health, ServesMetricsAsPrometheusText) {
  const Readiness readiness;
  TestServer server([&](TestServer& s) { return health_routes(readiness, s.metrics()); });
  const auto answer = get(server, "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(answer.body.find("# TYPE http_server_open_connections gauge\n"), std::string::npos) << answer.body;
}

TEST(Probe, IsNoWhereNobodyListens) {
  std::uint16_t port = 0;
  {
    TestServer server([](TestServer&) { return std::vector<Route>{}; });
    port = server.port();
  }
  EXPECT_FALSE(probe("127.0.0.1", port, "/readyz", 10s));
  EXPECT_FALSE(probe("no address", port, "/readyz", 10s));
}

TEST(ErrorPages, ExplainEveryCode) {
  TestServer server([](TestServer&) { return error_routes(); });
  for (const auto& row : error_table()) {
    const auto answer = get(server, "/errors/" + std::string(row.code));
    EXPECT_EQ(answer.status, 200) << row.code;
    EXPECT_EQ(answer.headers.at("content-type"), "text/html; charset=utf-8");
    EXPECT_NE(answer.body.find("<code>" + std::string(row.code) + "</code>, HTTP " + std::to_string(row.status)),
              std::string::npos);
  }
  EXPECT_EQ(get(server, "/errors/no_such_code").status, 404);
}

}  // namespace
}  // namespace agora::http
