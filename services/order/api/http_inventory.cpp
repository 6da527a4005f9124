#include "services/order/api/http_inventory.hpp"

#include "services/order/api/caller_of.hpp"
#include "services/order/api/inventory_form.hpp"
#include "services/order/api/inventory_json.hpp"
#include "services/order/api/keyed_response.hpp"

namespace agora::order {
namespace {

using http::Auth;
using http::Method;
using http::Ownership;
using http::Request;
using http::Response;
using HandlerResult = Task<Result<Response>>;

HandlerResult get_inventory(const InventoryRoutes& self, Ctx ctx, Request request);
HandlerResult set_inventory(const InventoryRoutes& self, Ctx ctx, Request request);
HandlerResult adjust_inventory(const InventoryRoutes& self, Ctx ctx, Request request);

}  // namespace

std::vector<http::Route> inventory_routes(const InventoryRoutes& self) {
  return {
      {Method::get, "/offers/{offer_id}/inventory", "getInventory", Auth::member, Ownership::seller,
       http::bound(self, get_inventory)},
      {Method::put, "/offers/{offer_id}/inventory", "setInventory", Auth::member, Ownership::seller,
       http::bound(self, set_inventory)},
      {Method::post, "/offers/{offer_id}/inventory-adjustments", "adjustInventory", Auth::member, Ownership::seller,
       http::bound(self, adjust_inventory)},
  };
}

namespace {

Error no_such_offer() {
  return {Errc::not_found, "not_found", "There is no such offer."};
}

Result<OfferId> offer_id_of(Request request) {
  const auto offer_id = OfferId::parse(request.path_parameter("offer_id"));
  if (!offer_id) return no_such_offer();
  return *offer_id;
}

/// Of a level that nobody has set there is nothing to match.
Response with_etag(Response response, std::int64_t version) {
  if (version > 0) response.headers.emplace_back("ETag", http::etag_of(version));
  return response;
}

HandlerResult change(const InventoryRoutes& self, Ctx ctx, Request request, OfferId offer_id, InventoryEdit edit,
                     std::optional<sql::IdempotencyKey> key) {
  ChangeInventory command{.offer_id = std::move(offer_id),
                          .caller = caller_of(ctx.principal),
                          .edit = std::move(edit),
                          .if_match = http::if_match(request),
                          .now = self.clock.now(),
                          .key = std::move(key),
                          .trace = ctx.trace};
  AGORA_CO_TRY(auto answered, co_await self.inventory.change(std::move(ctx), std::move(command)));
  const auto version = version_of_inventory(answered.answer.body);
  co_return with_etag(to_response(std::move(answered)), version);
}

HandlerResult get_inventory(const InventoryRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto offer_id, offer_id_of(request));
  auto caller = caller_of(ctx.principal);
  const auto found = co_await self.inventory.find(std::move(ctx), std::move(offer_id), std::move(caller));
  if (!found) co_return no_such_offer();
  co_return with_etag({.body = render_inventory(*found)}, found->level.version);
}

HandlerResult set_inventory(const InventoryRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto offer_id, offer_id_of(request));
  AGORA_CO_TRY(const auto form, http::read_json<OnHandForm>(request));
  InventoryEdit edit(SetOnHand{form.on_hand.value});
  co_return co_await change(self, std::move(ctx), request, std::move(offer_id), std::move(edit), std::nullopt);
}

HandlerResult adjust_inventory(const InventoryRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto offer_id, offer_id_of(request));
  AGORA_CO_TRY(const auto form, http::read_json<AdjustmentForm>(request));
  AGORA_CO_TRY(const auto text, http::idempotency_key(request));
  std::optional<sql::IdempotencyKey> key;
  if (text) {
    key = sql::idempotency_key(ctx.principal.subject, "adjustInventory", {offer_id.str()}, *text, request.body());
  }
  InventoryEdit edit(AdjustOnHand{form.delta.value, form.reason});
  co_return co_await change(self, std::move(ctx), request, std::move(offer_id), std::move(edit), std::move(key));
}

}  // namespace
}  // namespace agora::order
