#pragma once
#include <chrono>
#include <optional>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/address.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

/// Which orders of a list are wanted; empty: all.
struct OrderListFilter {
  std::vector<OrderId> order_ids{};
  std::vector<OrderStatus> statuses{};
  std::vector<PaymentStatus> payment_statuses{};
  std::vector<FulfillmentStatus> fulfillment_statuses{};
  std::optional<Timestamp> created_after{};
};

/// A seller's list, as somebody asks for it.
struct SellerListQuery {
  SellerId seller_id{};
  UserId member{};  ///< who asks
  OrderListFilter filter{};
  std::optional<OrderPosition> after{};
  int limit = 0;
  Timestamp contacts_of_ended_since{};  ///< of an order that ended before, nobody is told any more where it went
};

/// An order as its seller sees it.
struct SellerOrder {
  Order order;
  std::optional<Address> shipping_address{};
};
struct SellerOrderPage {
  std::vector<SellerOrder> orders{};
  bool has_more = false;
};

/// Orders as those see them who did not buy them. Thread-safe. `database` must outlive it.
class OrderLists {
 public:
  explicit OrderLists(sql::Database& database) : database_(database) {}

  /// The orders of a seller that were paid, newest first. None: there is no such seller, or the caller may not act for
  /// it.
  Task<std::optional<SellerOrderPage>> of_seller(Ctx ctx, SellerListQuery query);
  /// Everybody's orders, newest first; those of one millisecond in the order of their ids.
  Task<OrderPage> all(Ctx ctx, OrderListFilter filter, std::optional<OrderId> after, int limit);

 private:
  sql::Database& database_;
};

}  // namespace agora::order
