#include "services/order/store/order_lists.hpp"

#include "services/order/store/contacts.hpp"
#include "services/order/store/memberships.hpp"
#include "services/order/store/order_columns.hpp"

namespace agora::order {
namespace {

#define AGORA_IN(column, list) "AND (" list " = '[]' OR " column " IN (SELECT value FROM json_each(" list "))) "
#define AGORA_IN_PG(column, list) \
  "AND (" list " = '[]' OR " column " IN (SELECT json_array_elements_text(" list "::json))) "
#define AGORA_WANTED(in) in("o.status", "$2")in("o.payment_status", "$3")in("o.fulfillment_status", "$4")

// Whose orders a list is of: everybody's, where $1 is `[]`; or those that it names, looked up by their key, so that
// nothing between them is read.
#define AGORA_ANY "SELECT " AGORA_ORDER_COLUMNS " FROM orders o WHERE $1 = '[]' AND "
#define AGORA_NAMED(ids)                                                                                         \
  "WITH o AS MATERIALIZED (SELECT * FROM orders WHERE order_id IN (SELECT " ids ")) SELECT " AGORA_ORDER_COLUMNS \
  " FROM o WHERE "
#define AGORA_IDS "value FROM json_each($1)"
#define AGORA_IDS_PG "json_array_elements_text($1::json)"

// Orders that were ever paid: what was not is no sale yet, and may never be one. The index orders_of_seller has no
// others, by this very condition.
#define AGORA_OF_SELLER(in)                                                                  \
  "o.seller_id = $5 AND o.payment_status IN ('captured', 'partially_refunded', 'refunded') " \
  "AND (o.placed_at, o.order_id) < ($6, $7) AND o.placed_at > $8 " AGORA_WANTED(             \
      in) "ORDER BY o.placed_at DESC, o.order_id DESC LIMIT $9"
constexpr sql::Sql kOfSeller{AGORA_ANY AGORA_OF_SELLER(AGORA_IN), AGORA_ANY AGORA_OF_SELLER(AGORA_IN_PG)};
constexpr sql::Sql kOfSellerNamed{AGORA_NAMED(AGORA_IDS) AGORA_OF_SELLER(AGORA_IN),
                                  AGORA_NAMED(AGORA_IDS_PG) AGORA_OF_SELLER(AGORA_IN_PG)};

// By the primary key, which begins with the time: to sort by it takes no index of its own, which placing would pay for.
#define AGORA_ALL(in) \
  "o.order_id < $5 AND o.order_id >= $6 AND o.placed_at > $7 " AGORA_WANTED(in) "ORDER BY o.order_id DESC LIMIT $8"
constexpr sql::Sql kAll{AGORA_ANY AGORA_ALL(AGORA_IN), AGORA_ANY AGORA_ALL(AGORA_IN_PG)};
constexpr sql::Sql kAllNamed{AGORA_NAMED(AGORA_IDS) AGORA_ALL(AGORA_IN),
                             AGORA_NAMED(AGORA_IDS_PG) AGORA_ALL(AGORA_IN_PG)};

/// Behind every id.
constexpr std::string_view kLastId = "~";

template <class Enum>
std::string names(const std::vector<Enum>& values) {
  std::vector<std::string> texts;
  for (const auto value : values) texts.emplace_back(to_string(value));
  return json_array(texts);
}

/// A filter as the statements take it.
struct Wanted {
  explicit Wanted(const OrderListFilter& filter)
      : ids(json_array(filter.order_ids)),
        statuses(names(filter.statuses)),
        payment_statuses(names(filter.payment_statuses)),
        fulfillment_statuses(names(filter.fulfillment_statuses)) {}

  std::string ids;
  std::string statuses;
  std::string payment_statuses;
  std::string fulfillment_statuses;
};

/// No id of an order placed since then is less: ids begin with 48 bits of milliseconds, in hexadecimal digits.
std::string first_id_since(Timestamp time) {
  if (time < Timestamp{}) return {};
  const auto id = new_id<OrderTag>(time).str();
  return id.substr(0, id.find('-', id.find('-') + 1));
}

/// Between which ids a page of all orders lies: the key is read no further.
struct Bounds {
  Bounds(const OrderListFilter& filter, const std::optional<OrderId>& after)
      : first(filter.created_after ? first_id_since(*filter.created_after) : std::string{}),
        behind(after ? after->str() : std::string(kLastId)) {}

  std::string first;
  std::string behind;
};

/// One order more than fits says that there is more.
template <class Page>
void cut(Page& page, int limit) {
  page.has_more = page.orders.size() > static_cast<std::size_t>(limit);
  if (page.has_more) page.orders.pop_back();
}

std::optional<Timestamp> ended_at(const Order& order) {
  return order.completed_at ? order.completed_at : order.canceled_at;
}

SellerOrderPage list_of_seller(sql::Tx& tx, const SellerListQuery& query) {
  const auto& [seller_id, member, filter, after, limit, contacts_since] = query;
  const Wanted wanted(filter);
  const auto placed_before = after ? after->placed_at : Timestamp::max();
  const auto id_before = after ? after->order_id.str() : std::string{};
  OrderPage found;
  {
    auto rows = tx.query(filter.order_ids.empty() ? kOfSeller : kOfSellerNamed,
                         {wanted.ids, wanted.statuses, wanted.payment_statuses, wanted.fulfillment_statuses, seller_id,
                          placed_before, id_before, filter.created_after.value_or(Timestamp::min()), limit + 1});
    while (rows.next()) found.orders.push_back(read_order(rows));
  }
  cut(found, limit);
  load_lines(tx, found.orders);
  std::vector<std::string> groups;
  for (const auto& order : found.orders) {
    if (ended_at(order).value_or(Timestamp::max()) >= contacts_since) groups.push_back(order.group_id.str());
  }
  auto contacts = load_addresses(tx, groups);
  SellerOrderPage page{.has_more = found.has_more};
  for (auto& order : found.orders) {
    const bool is_told = ended_at(order).value_or(Timestamp::max()) >= contacts_since;
    auto address = is_told ? contacts[order.group_id.str()].shipping_address : std::nullopt;
    page.orders.push_back({std::move(order), std::move(address)});
  }
  return page;
}

}  // namespace

Task<std::optional<SellerOrderPage>> OrderLists::of_seller(Ctx ctx, SellerListQuery query) {
  auto work = [query = std::move(query)](sql::Tx& tx) -> std::optional<SellerOrderPage> {
    if (!is_member(tx, query.seller_id, query.member)) return std::nullopt;
    return list_of_seller(tx, query);
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<OrderPage> OrderLists::all(Ctx ctx, OrderListFilter filter, std::optional<OrderId> after, int limit) {
  auto work = [filter = std::move(filter), after = std::move(after), limit](sql::Tx& tx) {
    const Wanted wanted(filter);
    const Bounds bounds(filter, after);
    OrderPage page;
    {
      auto rows = tx.query(filter.order_ids.empty() ? kAll : kAllNamed,
                           {wanted.ids, wanted.statuses, wanted.payment_statuses, wanted.fulfillment_statuses,
                            bounds.behind, bounds.first, filter.created_after.value_or(Timestamp::min()), limit + 1});
      while (rows.next()) page.orders.push_back(read_order(rows));
    }
    cut(page, limit);
    load_lines(tx, page.orders);
    return page;
  };
  return database_.read(std::move(ctx), std::move(work));
}

}  // namespace agora::order
