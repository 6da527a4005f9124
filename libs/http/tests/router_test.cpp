#include "libs/http/router.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "libs/http/match.hpp"
#include "libs/http/tests/test_server.hpp"

namespace agora::http {
namespace {

Route named(Method method, std::string path) {
  return row(method, std::move(path), says(""));
}

/// The path template that a request for the path goes to.
std::string goes_to(const Router& router, const std::string& path, Method method = Method::get) {
  RequestData request{.method = method, .path = path};
  const auto found = match(router, request);
  return found.row ? router.routes()[*found.row].path : "";
}

TEST(Router, APathThatIsWrittenOutGoesBeforeAParameter) {
  const std::vector<Route> rows = {named(Method::get, "/orders/{id}"), named(Method::get, "/orders/mine"),
                                   named(Method::get, "/{kind}/mine"), named(Method::get, "/orders/{id}/events")};
  for (const bool reversed : {false, true}) {
    Router router;
    router.mount("", reversed ? std::vector<Route>(rows.rbegin(), rows.rend()) : rows);
    EXPECT_EQ(goes_to(router, "/orders/mine"), "/orders/mine");
    EXPECT_EQ(goes_to(router, "/orders/o1"), "/orders/{id}");
    EXPECT_EQ(goes_to(router, "/carts/mine"), "/{kind}/mine");
    EXPECT_EQ(goes_to(router, "/orders/mine/events"), "/orders/{id}/events");
    EXPECT_EQ(goes_to(router, "/carts/c1"), "");
  }
}

TEST(Router, GivesParametersDecoded) {
  Router router;
  router.mount("/api/v1", {named(Method::get, "/orders/{order_id}/items/{item}")});
  RequestData request{.path = "/api/v1/orders/o%201/items/%C3%A9+"};
  EXPECT_TRUE(match(router, request).row);
  const Request view(request);
  EXPECT_EQ(view.path_parameter("order_id"), "o 1");
  EXPECT_EQ(view.path_parameter("item"), "\xc3\xa9+");
  EXPECT_EQ(view.path_parameter("other"), "");
}

TEST(Router, HeadGoesWhereGetGoes) {
  Router router;
  router.mount("", {named(Method::get, "/a"), named(Method::post, "/b")});
  EXPECT_EQ(goes_to(router, "/a", Method::head), "/a");
  EXPECT_EQ(goes_to(router, "/b", Method::head), "");
}

TEST(Router, NamesEachMethodOfAPathOnce) {
  Router router;
  router.mount("", {named(Method::get, "/orders/{id}"), named(Method::get, "/orders/mine"),
                    named(Method::delete_, "/orders/{id}")});
  RequestData request{.method = Method::post, .path = "/orders/mine"};
  const auto found = match(router, request);
  EXPECT_FALSE(found.row);
  EXPECT_EQ(found.allowed, (std::vector<Method>{Method::get, Method::delete_}));
}

TEST(Router, RefusesOnePathTwice) {
  Router router;
  router.mount("", {named(Method::get, "/a"), named(Method::post, "/a")});
  router.mount("/api", {named(Method::get, "/a")});
  EXPECT_THROW(router.mount("", {named(Method::get, "/a")}), std::logic_error);
}

TEST(Router, DescribesItsRows) {
  Router router;
  auto route = named(Method::post, "/orders");
  route.operation_id = "createOrder";
  route.auth = Auth::user;
  route.ownership = Ownership::buyer;
  route.demo_guests = DemoGuests::yes;
  router.mount("/api/v1", {route});
  EXPECT_EQ(
      describe(router),
      R"({"method":"POST","path":"/api/v1/orders","operation_id":"createOrder","auth":"user","ownership":"buyer","demo_guests":true})"
      "\n");
}

}  // namespace
}  // namespace agora::http
