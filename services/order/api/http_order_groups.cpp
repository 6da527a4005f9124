#include "services/order/api/http_order_groups.hpp"

#include "services/order/api/checkout_form.hpp"
#include "services/order/api/keyed_response.hpp"
#include "services/order/api/order_json.hpp"

namespace agora::order {
namespace {

using http::Admission;
using http::Auth;
using http::DemoGuests;
using http::Method;
using http::Ownership;
using http::Request;
using http::Response;
using HandlerResult = Task<Result<Response>>;

HandlerResult create_order_group(const OrderRoutes& self, Ctx ctx, Request request);
HandlerResult get_order_group(const OrderRoutes& self, Ctx ctx, Request request);

}  // namespace

std::vector<http::Route> order_group_routes(const OrderRoutes& self) {
  return {
      {Method::post, "/order-groups", "createOrderGroup", Auth::guest, Ownership::none,
       http::bound(self, create_order_group), DemoGuests::no, Admission::reserved},
      {Method::get, "/order-groups/{order_group_id}", "getOrderGroup", Auth::guest, Ownership::buyer,
       http::bound(self, get_order_group)},
  };
}

namespace {

Task<Result<Answered>> check_out(const OrderRoutes& self, Ctx ctx, CheckOutCommand command) {
  // What a cart shows is what we know; of lines the buyer may have seen something newer.
  if (self.prices == nullptr || command.cart) return self.orders.check_out(std::move(ctx), std::move(command));
  auto lines = command.checkout.lines;
  auto again = [&self, command = std::move(command)](Ctx its) {
    return self.orders.check_out(std::move(its), command);
  };
  return place_at_current_prices(*self.prices, std::move(ctx), std::move(lines), std::move(again));
}

HandlerResult create_order_group(const OrderRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(const auto form, http::read_json<CheckoutForm>(request));
  AGORA_CO_TRY(const auto key, http::required_idempotency_key(request));
  auto command = command_of(form, self.clock.now());
  const auto& principal = ctx.principal;
  command.checkout.user_id = UserId(principal.subject);
  command.checkout.email_required = !principal.has(Role::user);
  command.checkout.payment_window = self.payment_window;
  command.key = sql::idempotency_key(principal.subject, "createOrderGroup", {}, key, request.body());
  command.trace = ctx.trace;
  AGORA_CO_TRY(auto answered, co_await check_out(self, std::move(ctx), std::move(command)));
  co_return to_response(std::move(answered));
}

HandlerResult get_order_group(const OrderRoutes& self, Ctx ctx, Request request) {
  const Error missing{Errc::not_found, "not_found", "There is no such order group."};
  const auto group_id = OrderGroupId::parse(request.path_parameter("order_group_id"));
  if (!group_id) co_return missing;
  const auto principal = ctx.principal;
  const auto found = co_await self.orders.find_group(std::move(ctx), *group_id);
  const bool theirs = found && (principal.has(Role::support) || found->group.user_id.str() == principal.subject);
  if (!theirs) co_return missing;
  co_return Response{.body = render_order_group(*found)};
}

}  // namespace
}  // namespace agora::order
