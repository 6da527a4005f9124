#include "services/order/api/http_orders.hpp"

#include "services/order/api/cancel_form.hpp"
#include "services/order/api/keyed_response.hpp"
#include "services/order/api/list_query.hpp"
#include "services/order/api/order_form.hpp"
#include "services/order/api/order_json.hpp"

namespace agora::order {
namespace {

using http::Admission;
using http::Auth;
using http::DemoGuests;
using http::Method;
using http::Ownership;
using http::Query;
using http::Request;
using http::Response;
using HandlerResult = Task<Result<Response>>;

HandlerResult create_order(const OrderRoutes& self, Ctx ctx, Request request);
HandlerResult get_order(const OrderRoutes& self, Ctx ctx, Request request);
HandlerResult follow_order(const OrderRoutes& self, Ctx ctx, Request request);
HandlerResult list_orders(const OrderRoutes& self, Ctx ctx, Request request);
HandlerResult cancel_order(const OrderRoutes& self, Ctx ctx, Request request);

}  // namespace

std::vector<http::Route> order_routes(const OrderRoutes& self) {
  return {
      {Method::post, "/orders", "createOrder", Auth::guest, Ownership::none, http::bound(self, create_order),
       DemoGuests::yes, Admission::reserved},
      {Method::get, "/orders", "listOrders", Auth::guest, Ownership::buyer, http::bound(self, list_orders),
       DemoGuests::no, Admission::normal, "application/json", Query::read},
      {Method::get, "/orders/{order_id}", "getOrder", Auth::guest, Ownership::buyer, http::bound(self, get_order),
       DemoGuests::yes},
      {Method::get, "/orders/{order_id}/events", "followOrder", Auth::guest, Ownership::buyer,
       http::bound(self, follow_order), DemoGuests::no, Admission::stream, "text/event-stream"},
      {Method::post, "/orders/{order_id}/cancellation", "cancelOrder", Auth::guest, Ownership::buyer,
       http::bound(self, cancel_order)},
  };
}

namespace {

Error no_such_order() {
  return {Errc::not_found, "not_found", "There is no such order."};
}

/// For whom the caller may order: itself, or as a demo guest the demo user that the body names.
Result<UserId> buyer_of(const OrderRoutes& self, const Principal& principal, const std::optional<UserId>& named) {
  if (principal.kind == Principal::Kind::demo_guest) {
    if (!named) return json::validation_failed({{"/user_id", "required", "is required without a token"}});
    if (!self.demo_users.contains(*named) || self.erased.contains(named->str())) {
      return Error{Errc::forbidden, "forbidden", "Without a token only demo users can order."};
    }
    return *named;
  }
  if (named && named->str() != principal.subject) {
    return Error{Errc::forbidden, "forbidden", "One orders for oneself."};
  }
  return UserId(principal.subject);
}

/// Whether the caller may know of the order at all.
bool may_see(const OrderRoutes& self, const Principal& principal, const Order& order) {
  if (principal.kind == Principal::Kind::demo_guest) {
    return self.demo_users.contains(order.user_id) && !self.erased.contains(order.user_id.str());
  }
  return principal.has(Role::support) || order.user_id.str() == principal.subject;
}

Task<Result<Answered>> place_order(const OrderRoutes& self, Ctx ctx, PlaceCommand command) {
  if (self.prices == nullptr) return self.orders.place(std::move(ctx), std::move(command));
  auto lines = command.order.lines;
  auto again = [&self, command = std::move(command)](Ctx its) { return self.orders.place(std::move(its), command); };
  return place_at_current_prices(*self.prices, std::move(ctx), std::move(lines), std::move(again));
}

HandlerResult create_order(const OrderRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(const auto form, http::read_json<OrderForm>(request));
  AGORA_CO_TRY(const auto buyer, buyer_of(self, ctx.principal, form.user_id));
  AGORA_CO_TRY(const auto key, http::idempotency_key(request));

  const auto now = self.clock.now();
  PlaceCommand command{{.order_id = new_id<OrderTag>(now),
                        .group_id = new_id<OrderGroupTag>(now),
                        .user_id = buyer,
                        .lines = lines_of(form, now),
                        .now = now,
                        .payment_window = self.payment_window},
                       {text_of(form.email), address_of(form.shipping_address), address_of(form.billing_address)},
                       {},
                       ctx.trace};
  if (key) command.key = sql::idempotency_key(buyer.str(), "createOrder", {}, *key, request.body());
  AGORA_CO_TRY(auto answered, co_await place_order(self, std::move(ctx), std::move(command)));
  co_return to_response(std::move(answered));
}

HandlerResult get_order(const OrderRoutes& self, Ctx ctx, Request request) {
  const auto order_id = OrderId::parse(request.path_parameter("order_id"));
  if (!order_id) co_return no_such_order();
  const auto principal = ctx.principal;
  const auto order = co_await self.orders.find(std::move(ctx), *order_id);
  if (!order || !may_see(self, principal, *order)) co_return no_such_order();
  co_return Response{.body = render_order(*order)};
}

HandlerResult follow_order(const OrderRoutes& self, Ctx ctx, Request request) {
  const auto order_id = OrderId::parse(request.path_parameter("order_id"));
  if (!order_id) co_return no_such_order();
  const auto order = co_await self.orders.find(ctx, *order_id);
  if (!order || !may_see(self, ctx.principal, *order)) co_return no_such_order();
  auto followed = co_await self.live.follow(std::move(ctx), request, order_id->str());
  co_return followed;
}

/// The filters of a list, and their text that cursors are bound to.
struct ListQuery {
  OrderFilter filter;
  std::optional<std::string> cursor{};
  int limit = 0;
  std::string bound_to{};
};

Result<ListQuery> read_list_query(const Principal& principal, Request request) {
  AGORA_TRY(auto pairs, request.query());
  http::QueryParameters parameters(std::move(pairs));
  ListQuery query{.filter = {.user_id = UserId(principal.subject)}, .bound_to = principal.subject};
  query.filter.statuses = take_list<OrderStatus>(parameters, "status", query.bound_to);
  query.filter.created_after = take_created_after(parameters, query.bound_to);
  query.cursor = parameters.take("cursor");
  query.limit = parameters.take_limit();
  AGORA_TRY_VOID(parameters.finish());
  return query;
}

HandlerResult list_orders(const OrderRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto query, read_list_query(ctx.principal, request));
  AGORA_CO_TRY(auto position, read_position(query.cursor, query.bound_to));
  const auto page = co_await self.orders.list(std::move(ctx), query.filter, std::move(position), query.limit);
  const auto next = page.has_more ? cursor_after(page.orders.back(), query.bound_to) : std::string{};
  co_return Response{.body = render_order_page(page.orders, next)};
}

HandlerResult cancel_order(const OrderRoutes& self, Ctx ctx, Request request) {
  const auto order_id = OrderId::parse(request.path_parameter("order_id"));
  if (!order_id) co_return no_such_order();
  CancelForm form;
  if (!request.body().empty()) {
    AGORA_CO_TRY(form, http::read_json<CancelForm>(request));
  }
  AGORA_CO_TRY(const auto key, http::idempotency_key(request));

  CancelCommand command{.order_id = *order_id, .now = self.clock.now(), .trace = ctx.trace};
  command.reason = reason_of(form);
  command.lines = lines_of(form);
  if (ctx.principal.has(Role::support)) {
    command.support = UserId(ctx.principal.subject);
  } else {
    command.buyer = UserId(ctx.principal.subject);
    command.member = UserId(ctx.principal.subject);
  }
  if (key) {
    command.key = sql::idempotency_key(ctx.principal.subject, "cancelOrder", {order_id->str()}, *key, request.body());
  }
  AGORA_CO_TRY(auto answered, co_await self.orders.cancel(std::move(ctx), std::move(command)));
  co_return to_response(std::move(answered));
}

}  // namespace
}  // namespace agora::order
