#include "services/order/api/http_fulfillments.hpp"

#include "services/order/api/caller_of.hpp"
#include "services/order/api/fulfillment_form.hpp"
#include "services/order/api/keyed_response.hpp"

namespace agora::order {
namespace {

using http::Auth;
using http::Method;
using http::Ownership;
using http::Request;
using http::Response;
using HandlerResult = Task<Result<Response>>;

HandlerResult create_fulfillment(const FulfillmentRoutes& self, Ctx ctx, Request request);
HandlerResult update_fulfillment(const FulfillmentRoutes& self, Ctx ctx, Request request);
HandlerResult confirm_delivery(const FulfillmentRoutes& self, Ctx ctx, Request request);

}  // namespace

std::vector<http::Route> fulfillment_routes(const FulfillmentRoutes& self) {
  return {
      {Method::post, "/orders/{order_id}/fulfillments", "createFulfillment", Auth::member, Ownership::seller,
       http::bound(self, create_fulfillment)},
      {Method::patch, "/fulfillments/{fulfillment_id}", "updateFulfillment", Auth::member, Ownership::seller,
       http::bound(self, update_fulfillment)},
      {Method::post, "/orders/{order_id}/delivery-confirmation", "confirmDelivery", Auth::guest, Ownership::buyer,
       http::bound(self, confirm_delivery)},
  };
}

namespace {

/// A body that has no fields: `{}`.
struct NoFields {};
BOOST_DESCRIBE_STRUCT(NoFields, (), ())

Error no_such_order() {
  return {Errc::not_found, "not_found", "There is no such order."};
}

HandlerResult create_fulfillment(const FulfillmentRoutes& self, Ctx ctx, Request request) {
  const auto order_id = OrderId::parse(request.path_parameter("order_id"));
  if (!order_id) co_return no_such_order();
  AGORA_CO_TRY(const auto form, http::read_json<FulfillmentForm>(request));
  AGORA_CO_TRY(const auto key, http::idempotency_key(request));

  const auto now = self.clock.now();
  CreateFulfillment command{.order_id = *order_id,
                            .fulfillment_id = new_id<FulfillmentTag>(now),
                            .lines = lines_of(form),
                            .caller = caller_of(ctx.principal),
                            .now = now,
                            .trace = ctx.trace};
  if (form.tracking) command.tracking = tracking_of(*form.tracking);
  if (key) {
    command.key =
        sql::idempotency_key(ctx.principal.subject, "createFulfillment", {order_id->str()}, *key, request.body());
  }
  AGORA_CO_TRY(auto answered, co_await self.fulfillments.create(std::move(ctx), std::move(command)));
  co_return to_response(std::move(answered));
}

HandlerResult update_fulfillment(const FulfillmentRoutes& self, Ctx ctx, Request request) {
  const auto fulfillment_id = FulfillmentId::parse(request.path_parameter("fulfillment_id"));
  if (!fulfillment_id) co_return Error{Errc::not_found, "not_found", "There is no such fulfilment."};
  AGORA_CO_TRY(const auto form, http::read_merge_patch<FulfillmentPatch>(request));
  UpdateFulfillment command{.fulfillment_id = *fulfillment_id,
                            .edit = edit_of(form),
                            .caller = caller_of(ctx.principal),
                            .now = self.clock.now(),
                            .trace = ctx.trace};
  AGORA_CO_TRY(auto body, co_await self.fulfillments.update(std::move(ctx), std::move(command)));
  co_return Response{.body = std::move(body)};
}

HandlerResult confirm_delivery(const FulfillmentRoutes& self, Ctx ctx, Request request) {
  const auto order_id = OrderId::parse(request.path_parameter("order_id"));
  if (!order_id) co_return no_such_order();
  if (!request.body().empty()) AGORA_CO_TRY_VOID(http::read_json<NoFields>(request));
  AGORA_CO_TRY(const auto key, http::idempotency_key(request));
  ConfirmDelivery command{
      .order_id = *order_id, .caller = caller_of(ctx.principal), .now = self.clock.now(), .trace = ctx.trace};
  if (key) {
    command.key =
        sql::idempotency_key(ctx.principal.subject, "confirmDelivery", {order_id->str()}, *key, request.body());
  }
  AGORA_CO_TRY(auto answered, co_await self.fulfillments.confirm_delivery(std::move(ctx), std::move(command)));
  co_return to_response(std::move(answered));
}

}  // namespace
}  // namespace agora::order
