#include "services/order/api/http_carts.hpp"

#include "libs/http/pages.hpp"
#include "services/order/api/cart_form.hpp"
#include "services/order/api/cart_json.hpp"
#include "services/order/api/contact_form.hpp"
#include "services/order/api/keyed_response.hpp"

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

HandlerResult create_cart(const CartRoutes& self, Ctx ctx, Request request);
HandlerResult list_carts(const CartRoutes& self, Ctx ctx, Request request);
HandlerResult get_cart(const CartRoutes& self, Ctx ctx, Request request);
HandlerResult update_cart(const CartRoutes& self, Ctx ctx, Request request);
HandlerResult add_cart_line(const CartRoutes& self, Ctx ctx, Request request);
HandlerResult update_cart_line(const CartRoutes& self, Ctx ctx, Request request);
HandlerResult remove_cart_line(const CartRoutes& self, Ctx ctx, Request request);
HandlerResult merge_carts(const CartRoutes& self, Ctx ctx, Request request);

}  // namespace

std::vector<http::Route> cart_routes(const CartRoutes& self) {
  return {
      {Method::post, "/carts", "createCart", Auth::guest, Ownership::none, http::bound(self, create_cart)},
      {Method::get, "/carts", "listCarts", Auth::guest, Ownership::buyer, http::bound(self, list_carts), DemoGuests::no,
       Admission::normal, "application/json", Query::read},
      {Method::get, "/carts/{cart_id}", "getCart", Auth::guest, Ownership::buyer, http::bound(self, get_cart)},
      {Method::patch, "/carts/{cart_id}", "updateCart", Auth::guest, Ownership::buyer, http::bound(self, update_cart)},
      {Method::post, "/carts/{cart_id}/items", "addCartLine", Auth::guest, Ownership::buyer,
       http::bound(self, add_cart_line)},
      {Method::patch, "/carts/{cart_id}/items/{line_id}", "updateCartLine", Auth::guest, Ownership::buyer,
       http::bound(self, update_cart_line)},
      {Method::delete_, "/carts/{cart_id}/items/{line_id}", "removeCartLine", Auth::guest, Ownership::buyer,
       http::bound(self, remove_cart_line)},
      {Method::post, "/carts/merge", "mergeCarts", Auth::user, Ownership::none, http::bound(self, merge_carts)},
  };
}

namespace {

Response to_response(CartAnswer answer) {
  auto response = to_response(std::move(answer.answered));
  if (answer.version > 0) response.headers.emplace_back("ETag", http::etag_of(answer.version));
  return response;
}

Result<CartId> cart_id_of(Request request) {
  const auto cart_id = CartId::parse(request.path_parameter("cart_id"));
  if (!cart_id) return no_such_cart();
  return *cart_id;
}

Result<LineId> line_id_of(Request request) {
  const auto line_id = LineId::parse(request.path_parameter("line_id"));
  if (!line_id) return no_such_cart();
  return *line_id;
}

/// Applies one edit to a cart.
HandlerResult change(const CartRoutes& self, Ctx ctx, Request request, CartId cart_id, CartEdit edit,
                     std::optional<sql::IdempotencyKey> key) {
  ChangeCart command{.cart_id = std::move(cart_id),
                     .user_id = UserId(ctx.principal.subject),
                     .edit = std::move(edit),
                     .if_match = http::if_match(request),
                     .now = self.clock.now(),
                     .key = std::move(key)};
  AGORA_CO_TRY(auto answer, co_await self.carts.change(std::move(ctx), std::move(command)));
  co_return to_response(std::move(answer));
}

HandlerResult create_cart(const CartRoutes& self, Ctx ctx, Request request) {
  ContactForm form;
  if (!request.body().empty()) {
    AGORA_CO_TRY(form, http::read_json<ContactForm>(request));
  }
  AGORA_CO_TRY(const auto key, http::idempotency_key(request));
  const auto now = self.clock.now();
  CreateCart command{.cart_id = new_id<CartTag>(now),
                     .user_id = UserId(ctx.principal.subject),
                     .contact = contact_of(form),
                     .carts_max = self.carts_max,
                     .now = now};
  if (key) command.key = sql::idempotency_key(ctx.principal.subject, "createCart", {}, *key, request.body());
  AGORA_CO_TRY(auto answer, co_await self.carts.create(std::move(ctx), std::move(command)));
  co_return to_response(std::move(answer));
}

HandlerResult get_cart(const CartRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto cart_id, cart_id_of(request));
  const auto user_id = ctx.principal.subject;
  const auto priced = co_await self.carts.find(std::move(ctx), std::move(cart_id));
  if (!priced || priced->cart.user_id.str() != user_id) co_return no_such_cart();
  Response response{.body = render_cart(*priced)};
  response.headers.emplace_back("ETag", http::etag_of(priced->cart.version));
  co_return response;
}

/// A cursor's fields: microseconds, cart id.
Result<std::optional<CartPosition>> read_position(const std::optional<std::string>& cursor_text,
                                                  const std::string& bound_to) {
  if (!cursor_text) return std::optional<CartPosition>{};
  AGORA_TRY(auto cursor, http::Cursor::decode(*cursor_text, bound_to, 2));
  AGORA_TRY(const auto time, cursor.time(0));
  AGORA_TRY(auto id, cursor.id<CartId>(1));
  return std::optional<CartPosition>({time, std::move(id)});
}

HandlerResult list_carts(const CartRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto pairs, request.query());
  http::QueryParameters parameters(std::move(pairs));
  const auto cursor = parameters.take("cursor");
  const auto limit = parameters.take_limit();
  AGORA_CO_TRY_VOID(parameters.finish());
  const auto bound_to = "carts\n" + ctx.principal.subject;
  AGORA_CO_TRY(auto position, read_position(cursor, bound_to));
  const UserId user_id(ctx.principal.subject);
  const auto page = co_await self.carts.list(std::move(ctx), user_id, std::move(position), limit);
  std::string next;
  if (page.has_more) {
    const auto& last = page.carts.back().cart;
    next =
        http::Cursor{{std::to_string(last.created_at.time_since_epoch().count()), last.cart_id.str()}}.encode(bound_to);
  }
  co_return Response{.body = render_cart_page(page.carts, next)};
}

HandlerResult update_cart(const CartRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto cart_id, cart_id_of(request));
  AGORA_CO_TRY(const auto form, http::read_merge_patch<ContactForm>(request));
  CartEdit edit(contact_of(form));
  co_return co_await change(self, std::move(ctx), request, std::move(cart_id), std::move(edit), std::nullopt);
}

HandlerResult add_cart_line(const CartRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto cart_id, cart_id_of(request));
  AGORA_CO_TRY(const auto form, http::read_json<CartLineForm>(request));
  AGORA_CO_TRY(const auto text, http::idempotency_key(request));
  std::optional<sql::IdempotencyKey> key;
  if (text) {
    key = sql::idempotency_key(ctx.principal.subject, "addCartLine", {request.path_parameter("cart_id")}, *text,
                               request.body());
  }
  CartEdit edit(line_of(form, self.clock.now()));
  co_return co_await change(self, std::move(ctx), request, std::move(cart_id), std::move(edit), std::move(key));
}

HandlerResult update_cart_line(const CartRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto cart_id, cart_id_of(request));
  AGORA_CO_TRY(auto line_id, line_id_of(request));
  AGORA_CO_TRY(const auto form, http::read_merge_patch<QuantityForm>(request));
  CartEdit edit(SetQuantity{std::move(line_id), form.quantity.value});
  co_return co_await change(self, std::move(ctx), request, std::move(cart_id), std::move(edit), std::nullopt);
}

HandlerResult remove_cart_line(const CartRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto cart_id, cart_id_of(request));
  AGORA_CO_TRY(auto line_id, line_id_of(request));
  CartEdit edit(RemoveLine{std::move(line_id)});
  co_return co_await change(self, std::move(ctx), request, std::move(cart_id), std::move(edit), std::nullopt);
}

/// Whose carts a guest's token opens. "No": `validation_failed`; that of an authenticator that cannot tell now.
Result<UserId> guest_of(const CartRoutes& self, const MergeForm& form) {
  auto principal = self.tokens.authenticate(form.guest_token.value);
  if (!principal && principal.error().errc == Errc::unavailable) return std::move(principal).error();
  if (!principal || !principal->has(Role::guest) || principal->has(Role::user)) {
    return json::validation_failed({{"/guest_token", "invalid_value", "must be a guest's token that is still good"}});
  }
  return UserId(principal->subject);
}

HandlerResult merge_carts(const CartRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(const auto form, http::read_json<MergeForm>(request));
  AGORA_CO_TRY(const auto key, http::idempotency_key(request));
  AGORA_CO_TRY(auto guest_id, guest_of(self, form));
  MergeCarts command{
      .guest_id = std::move(guest_id), .user_id = UserId(ctx.principal.subject), .now = self.clock.now()};
  if (key) command.key = sql::idempotency_key(ctx.principal.subject, "mergeCarts", {}, *key, request.body());
  AGORA_CO_TRY(auto answer, co_await self.carts.merge(std::move(ctx), std::move(command)));
  co_return to_response(std::move(answer));
}

}  // namespace
}  // namespace agora::order
