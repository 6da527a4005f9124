#pragma once
#include "libs/testing/run.hpp"
#include "libs/testing/temporary_database.hpp"
#include "services/order/store/order_store.hpp"
#include "services/order/store/replicas.hpp"

namespace agora::order {

inline constexpr Timestamp kPlacedAt{std::chrono::microseconds(1'800'000'000'000'000)};

/// A database with offer o1 of seller s1 at 5.00, and o2 that is shipped.
inline void provide_offers(sql::Database& database) {
  database.migrate(migrations());
  database.write_blocking({}, [](sql::Tx& tx) {
    const SourceVersion source{"log", 1};
    apply(tx, SellerState{SellerId("s1"), "open", "Seller"}, source);
    apply(tx, ProductState{ProductId("p1"), "published", "Product"}, source);
    for (const auto& [id, shipped] : {std::pair("o1", false), std::pair("o2", true)}) {
      const OfferState offer{.offer_id = OfferId(id),
                             .seller_id = SellerId("s1"),
                             .product_id = ProductId("p1"),
                             .variant_id = VariantId("v1"),
                             .sku = std::string("SKU-") + id,
                             .price = 500,
                             .currency = "USD",
                             .status = "active",
                             .requires_shipping = shipped,
                             .initial_quantity = 100};
      ASSERT_TRUE(apply(tx, offer, source, kPlacedAt));
    }
  });
}

/// What u1 wants: one of the offer, at 5.00.
inline PlaceCommand one_of(const char* offer_id, std::chrono::milliseconds payment_window = std::chrono::minutes(15)) {
  return {{.order_id = new_id<OrderTag>(kPlacedAt),
           .group_id = new_id<OrderGroupTag>(kPlacedAt),
           .user_id = UserId("u1"),
           .lines = {{.offer_id = OfferId(offer_id),
                      .quantity = 1,
                      .price = Decimal{500, 2},
                      .line_id = new_id<LineTag>(kPlacedAt)}},
           .now = kPlacedAt,
           .payment_window = payment_window}};
}

/// Places it; its group.
inline OrderGroupId placed(sql::Database& database, const PlaceCommand& command) {
  const auto render = [](const Order& order) { return order.order_id.str(); };
  const auto answered = database.write_blocking(
      {}, [&](sql::Tx& tx) { return handle_place(tx, std::span(&command, 1), render).front(); });
  EXPECT_TRUE(answered);
  return command.order.group_id;
}

}  // namespace agora::order
