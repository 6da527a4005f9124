#include "services/order/api/http_order_lists.hpp"

#include "services/order/api/list_query.hpp"
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

constexpr std::size_t kIdsMax = 100;

HandlerResult list_seller_orders(const OrderListRoutes& self, Ctx ctx, Request request);
HandlerResult list_all_orders(const OrderListRoutes& self, Ctx ctx, Request request);

}  // namespace

std::vector<http::Route> order_list_routes(const OrderListRoutes& self) {
  return {
      {Method::get, "/sellers/{seller_id}/orders", "listSellerOrders", Auth::member, Ownership::seller,
       http::bound(self, list_seller_orders), DemoGuests::no, Admission::normal, "application/json", Query::read},
      {Method::get, "/admin/orders", "listAllOrders", Auth::support, Ownership::none,
       http::bound(self, list_all_orders), DemoGuests::no, Admission::normal, "application/json", Query::read},
  };
}

namespace {

Error no_such_seller() {
  return {Errc::not_found, "not_found", "There is no such seller."};
}

/// What is asked of a list, and the text that its cursors are bound to.
struct ListQuery {
  OrderListFilter filter{};
  std::optional<std::string> cursor{};
  int limit = 0;
  std::string bound_to{};
};

std::vector<OrderId> take_ids(http::QueryParameters& parameters, std::string& bound_to) {
  std::vector<OrderId> ids;
  const auto list = parameters.take("ids");
  bound_to += '\n' + list.value_or("");
  if (!list) return ids;
  for (const auto& text : http::split_list(*list)) {
    auto id = OrderId::parse(text);
    if (id) {
      ids.push_back(*std::move(id));
    } else {
      parameters.complain("ids", "invalid_id", "must be ids, separated by commas");
    }
  }
  if (ids.size() > kIdsMax) parameters.complain("ids", "out_of_range", "must be at most " + std::to_string(kIdsMax));
  return ids;
}

/// `whose`: what else the cursors are bound to.
Result<ListQuery> read_list_query(Request request, std::string whose) {
  AGORA_TRY(auto pairs, request.query());
  http::QueryParameters parameters(std::move(pairs));
  ListQuery query{.bound_to = std::move(whose)};
  query.filter.order_ids = take_ids(parameters, query.bound_to);
  query.filter.statuses = take_list<OrderStatus>(parameters, "status", query.bound_to);
  query.filter.payment_statuses = take_list<PaymentStatus>(parameters, "payment_status", query.bound_to);
  query.filter.fulfillment_statuses = take_list<FulfillmentStatus>(parameters, "fulfillment_status", query.bound_to);
  query.filter.created_after = take_created_after(parameters, query.bound_to);
  query.cursor = parameters.take("cursor");
  query.limit = parameters.take_limit();
  AGORA_TRY_VOID(parameters.finish());
  return query;
}

HandlerResult list_seller_orders(const OrderListRoutes& self, Ctx ctx, Request request) {
  const auto seller_id = SellerId::parse(request.path_parameter("seller_id"));
  if (!seller_id) co_return no_such_seller();
  AGORA_CO_TRY(auto query, read_list_query(request, "seller\n" + seller_id->str()));
  AGORA_CO_TRY(auto position, read_position(query.cursor, query.bound_to));
  SellerListQuery wanted{.seller_id = *seller_id,
                         .member = UserId(ctx.principal.subject),
                         .filter = std::move(query.filter),
                         .after = std::move(position),
                         .limit = query.limit,
                         .contacts_of_ended_since = self.clock.now() - self.contact_retention};
  const auto page = co_await self.lists.of_seller(std::move(ctx), std::move(wanted));
  if (!page) co_return no_such_seller();
  const auto next = page->has_more ? cursor_after(page->orders.back().order, query.bound_to) : std::string{};
  co_return Response{.body = render_seller_order_page(page->orders, next)};
}

HandlerResult list_all_orders(const OrderListRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto query, read_list_query(request, "all"));
  std::optional<OrderId> after;
  if (query.cursor) {
    AGORA_CO_TRY(const auto cursor, http::Cursor::decode(*query.cursor, query.bound_to, 1));
    AGORA_CO_TRY(after, cursor.id<OrderId>(0));
  }
  const auto page = co_await self.lists.all(std::move(ctx), std::move(query.filter), std::move(after), query.limit);
  const auto next =
      page.has_more ? http::Cursor{{page.orders.back().order_id.str()}}.encode(query.bound_to) : std::string{};
  co_return Response{.body = render_order_page(page.orders, next)};
}

}  // namespace
}  // namespace agora::order
