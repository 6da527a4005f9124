#include <stdexcept>

#include <gtest/gtest.h>

#include "libs/base/unavailable.hpp"
#include "libs/http/tests/client.hpp"
#include "libs/http/tests/test_server.hpp"

namespace agora::http {
namespace {

/// Tokens whose text is their roles: `guest`, `user`, `support+user`; `broken` throws.
class NamedRoles final : public Authenticator {
 public:
  Result<Principal> authenticate(std::optional<std::string_view> bearer) const override {
    if (!bearer) return Principal{};
    if (*bearer == "broken") throw std::runtime_error("the authenticator fell over");
    Principal principal{.kind = Principal::Kind::user, .subject = std::string(*bearer)};
    const auto add = [&](std::string_view name, Role role) {
      if (bearer->find(name) != std::string_view::npos) principal.roles |= static_cast<std::uint8_t>(role);
    };
    add("guest", Role::guest);
    add("user", Role::user);
    add("support", Role::support);
    add("admin", Role::admin);
    if (principal.roles == 0) return Error{Errc::unauthenticated, "invalid_token", "The bearer token is not valid."};
    return principal;
  }
};

Task<Result<Response>> say_subject(Ctx ctx) {
  co_return Response{.body = ctx.principal.kind == Principal::Kind::demo_guest ? "demo guest" : ctx.principal.subject};
}

Task<Result<Response>> fail(std::string how) {
  if (how == "no") co_return Error{Errc::conflict, "out_of_stock", "There is not enough left."};
  if (how == "unavailable") throw Unavailable("the database is away");
  if (how == "deadline") throw Unavailable("deadline exceeded");
  if (how == "int") throw 42;
  throw std::runtime_error("a secret of ours");
}

/// A failure of ours that the same request will meet again.
class Corrupt : public Unavailable {
 public:
  using Unavailable::Unavailable;
  bool retry_helps() const override { return false; }
};

Task<Result<Response>> fail_for_good() {
  throw Corrupt("the file is damaged");
  co_return Response{};
}

Route guarded(std::string path, Auth auth, DemoGuests demo_guests = DemoGuests::no) {
  auto route = row(Method::get, std::move(path), [](Ctx ctx, Request) { return say_subject(std::move(ctx)); });
  route.auth = auth;
  route.demo_guests = demo_guests;
  return route;
}

std::vector<Route> routes(TestServer&) {
  auto page = row(Method::get, "/page", says("<p>"));
  page.produces = "text/html";
  return {row(Method::get, "/things/{id}", says("a thing")),
          row(Method::delete_, "/things/{id}", says("deleted")),
          row(Method::get, "/fail/{how}", [](Ctx, Request r) { return fail(std::string(r.path_parameter("how"))); }),
          row(Method::get, "/fail-for-good", [](Ctx, Request) { return fail_for_good(); }),
          std::move(page),
          guarded("/anonymous", Auth::anonymous),
          guarded("/guest", Auth::guest),
          guarded("/user", Auth::user),
          guarded("/member", Auth::member),
          guarded("/support", Auth::support),
          guarded("/admin", Auth::admin),
          guarded("/demo", Auth::user, DemoGuests::yes)};
}

/// A server, and one connection to it.
class Dispatch : public testing::Test {
 protected:
  Answer ask(const std::string& method, const std::string& path, const std::string& lines = "") {
    client_.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n");
    return client_.receive();
  }
  Answer get(const std::string& path, const std::string& lines = "") { return ask("GET", path, lines); }
  Answer get_as(const std::string& token, const std::string& path) {
    return get(path, token.empty() ? "" : "Authorization: Bearer " + token + "\r\n");
  }

  TestServer server_{routes, {}, std::make_unique<NamedRoles>()};
  Client client_{server_.port()};
};

bool has_code(const Answer& answer, const std::string& code) {
  return answer.headers.at("content-type") == "application/problem+json" &&
         answer.body.find("\"code\":\"" + code + "\"") != std::string::npos;
}

TEST_F(Dispatch, EveryLevelLetsInWhoItSays) {
  struct Case {
    std::string token;
    /// anonymous, guest, user, member, support, admin
    std::vector<int> statuses;
  };
  const std::vector<std::string> paths = {"/anonymous", "/guest", "/user", "/member", "/support", "/admin"};
  const std::vector<Case> cases = {
      {"", {200, 401, 401, 401, 401, 401}},        {"nobody", {200, 401, 401, 401, 401, 401}},
      {"guest", {200, 200, 403, 403, 403, 403}},   {"user", {200, 200, 200, 200, 403, 403}},
      {"support", {200, 200, 200, 200, 200, 403}}, {"admin", {200, 200, 200, 200, 200, 200}},
  };
  for (const auto& [token, statuses] : cases) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const auto answer = get_as(token, paths[i]);
      EXPECT_EQ(answer.status, statuses[i]) << token << " " << paths[i];
      const auto code = token.empty() ? "missing_token" : "invalid_token";
      if (answer.status == 401) {
        EXPECT_TRUE(has_code(answer, code)) << answer.body;
      }
      if (answer.status == 403) {
        EXPECT_TRUE(has_code(answer, "forbidden")) << answer.body;
      }
    }
  }
}

TEST_F(Dispatch, HandlersLearnWhoAsks) {
  EXPECT_EQ(get_as("user-u1", "/user").body, "user-u1");
}

TEST_F(Dispatch, DemoGuestsComeInWhereTheirRowSaysSo) {
  const NamedRoles next;
  TestServer server(routes, {}, std::make_unique<DemoGuestAuthenticator>(next));
  Client client(server.port());
  const auto get = [&](const std::string& path, const std::string& lines) {
    client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n");
    return client.receive();
  };
  EXPECT_EQ(get("/demo", "").body, "demo guest");
  for (const std::string path : {"/guest", "/user", "/member", "/support", "/admin"})
    EXPECT_EQ(get(path, "").status, 401) << path;
  EXPECT_EQ(get("/demo", "Authorization: Bearer user-u1\r\n").body, "user-u1");
  EXPECT_EQ(get("/demo", "Authorization: Bearer guest\r\n").status, 403);
  EXPECT_EQ(get("/demo", "Authorization: Bearer nobody\r\n").status, 401);
}

TEST_F(Dispatch, TakesOneBearerToken) {
  EXPECT_EQ(get("/user", "Authorization: bEARER user\r\n").status, 200);
  for (const std::string lines : {"Authorization: Bearer user\r\nAuthorization: Bearer user\r\n",
                                  "Authorization: Basic user\r\n", "Authorization: user\r\n",
                                  "Authorization: Bearer\r\n", "Authorization:\r\n", "Authorization: Beareruser\r\n"}) {
    const auto answer = get("/user", lines);
    EXPECT_EQ(answer.status, 401) << lines;
    EXPECT_TRUE(has_code(answer, "invalid_token")) << lines;
    EXPECT_EQ(answer.headers.at("www-authenticate"), R"(Bearer error="invalid_token")");
  }
  EXPECT_EQ(get("/user").headers.at("www-authenticate"), "Bearer");
}

TEST_F(Dispatch, WithNothingToVerifyTokensWithAnyTokenMustWait) {
  TestServer server(routes);
  Client client(server.port());
  client.send(
      "GET /user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\n\r\nGET /user HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = client.receive();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(has_code(answer, "token_verification_unavailable"));
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  EXPECT_EQ(client.receive().status, 401);
}

TEST_F(Dispatch, ANoOfTheHandlerIsAProblem) {
  const auto answer = get("/fail/no");
  EXPECT_EQ(answer.status, 409);
  EXPECT_TRUE(has_code(answer, "out_of_stock"));
}

TEST_F(Dispatch, WhatWeCannotAnswerIs503WhereARetryHelpsElse500) {
  for (const std::string path : {"/fail/unavailable", "/fail/deadline"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(has_code(answer, "temporarily_unavailable"));
    EXPECT_EQ(answer.headers.at("retry-after"), "1");
  }
  for (const std::string path : {"/fail/exception", "/fail/int", "/fail-for-good"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_TRUE(has_code(answer, "internal_error"));
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  }
  EXPECT_EQ(get("/things/a").status, 200) << "the connection lives on";
}

TEST_F(Dispatch, AnAuthenticatorThatThrowsIsOurFailure) {
  EXPECT_EQ(get_as("broken", "/user").status, 500);
  EXPECT_EQ(server_.metrics().gauge("http_server_active_requests", "", {{"server", "test"}}).value(), 0);
}

TEST_F(Dispatch, AnUnknownPathIs404) {
  for (const std::string path : {"/", "/thing", "/things", "/things/", "/things/a/b", "//things/a", "/things//a",
                                 "/Things/a", "/things/a/", "*"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_TRUE(has_code(answer, "not_found")) << path;
  }
}

TEST_F(Dispatch, NoEscapeLeadsToAnotherPath) {
  for (const std::string path : {"/things/..", "/things/.", "/things/%2e%2e", "/things/..%2fpage", "/things/a%2Fb",
                                 "/things/../page", "/%74hings"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  for (const std::string path :
       {"/things/%00", "/things/%c0%ae", "/things/%ff", "/things/%2", "/things/%zz", "/none/%ff", "/things/\xff"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_TRUE(has_code(answer, "bad_request")) << path;
  }
  EXPECT_EQ(get("/things/%252e%252e").status, 200) << "decoded once, it is a name";
}

TEST_F(Dispatch, AnotherMethodIs405AndAllowTellsWhich) {
  const auto answer = ask("PUT", "/things/a");
  EXPECT_EQ(answer.status, 405);
  EXPECT_TRUE(has_code(answer, "method_not_allowed"));
  EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD, DELETE");
  EXPECT_EQ(ask("DELETE", "/things/a").body, "deleted");
}

TEST_F(Dispatch, OptionsTellsTheMethods) {
  const auto answer = ask("OPTIONS", "/things/a");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD, DELETE");
  EXPECT_FALSE(answer.headers.contains("content-length"));
  EXPECT_EQ(ask("OPTIONS", "/none").status, 404);
}

TEST_F(Dispatch, AMethodThatNobodyServesIs405) {
  const auto answer = ask("TRACE", "/things/a");
  EXPECT_EQ(answer.status, 405);
  EXPECT_NE(answer.headers.at("allow").find("GET"), std::string::npos);
}

TEST_F(Dispatch, AnAcceptThatExcludesTheAnswerIs406) {
  for (const std::string accept :
       {"*/*", "application/json", "application/*", "Application/JSON", "text/html, */*;q=0.1",
        "text/html, application/json;q=0.9", "application/json; charset=utf-8", " application/json ",
        "application/json;q=0.001", "application/json;faq=0"}) {
    EXPECT_EQ(get("/things/a", "Accept: " + accept + "\r\n").status, 200) << accept;
  }
  for (const std::string accept :
       {"text/html", "application/json;q=0", "application/json;version=1;q=0", "application/json ; Q=0.000",
        "*/*;q=0.0", "image/*, text/*", "application/jsonx", "json"}) {
    const auto answer = get("/things/a", "Accept: " + accept + "\r\n");
    EXPECT_EQ(answer.status, 406) << accept;
    EXPECT_TRUE(has_code(answer, "not_acceptable")) << accept;
  }
  EXPECT_EQ(get("/page", "Accept: text/html\r\n").status, 200);
  EXPECT_EQ(get("/page", "Accept: application/json\r\n").status, 406);
}

TEST_F(Dispatch, AProblemCarriesTheTraceOfItsRequest) {
  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  const auto given = get("/none", "traceparent: 00-" + trace + "-b7ad6b7169203331-01\r\n");
  EXPECT_NE(given.body.find("\"trace_id\":\"" + trace + "\""), std::string::npos);
  const auto made = get("/none", "traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n");
  EXPECT_EQ(made.body.find("\"trace_id\":\"0000"), std::string::npos) << made.body;
  EXPECT_NE(made.body.find("\"trace_id\":\""), std::string::npos);
}

}  // namespace
}  // namespace agora::http
