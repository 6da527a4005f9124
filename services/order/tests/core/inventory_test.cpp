#include "services/order/core/inventory.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

TEST(OnHand, IsWhatWasCountedOrWhatItWasAndTheDifference) {
  const StockLevel level{10, 4, 3};
  EXPECT_EQ(on_hand_after(level, SetOnHand{7}).value(), 7);
  EXPECT_EQ(on_hand_after(level, AdjustOnHand{5, "received"}).value(), 15);
  EXPECT_EQ(on_hand_after(level, AdjustOnHand{-6, "lost"}).value(), 4);
  EXPECT_EQ(on_hand_after({}, SetOnHand{0}).value(), 0);
}

TEST(OnHand, IsNeverLessThanOrdersHold) {
  const StockLevel level{10, 4, 3};
  for (const auto& edit : {InventoryEdit(SetOnHand{3}), InventoryEdit(SetOnHand{0}),
                           InventoryEdit(AdjustOnHand{-7, "lost"}), InventoryEdit(AdjustOnHand{-kOnHandMax, "lost"})}) {
    const auto after = on_hand_after(level, edit);
    ASSERT_FALSE(after.has_value());
    EXPECT_EQ(after.error().errc, Errc::conflict);
    EXPECT_EQ(after.error().code, "below_reserved");
    ASSERT_EQ(after.error().details.size(), 1U);
    EXPECT_EQ(std::get<std::int64_t>(after.error().details[0].value), 4);
  }
  EXPECT_EQ(on_hand_after(level, SetOnHand{4}).value(), 4);
}

TEST(OnHand, HasALimit) {
  EXPECT_EQ(on_hand_after({kOnHandMax - 1, 0, 1}, AdjustOnHand{1, "received"}).value(), kOnHandMax);
  const auto after = on_hand_after({kOnHandMax, 0, 1}, AdjustOnHand{kOnHandMax, "received"});
  ASSERT_FALSE(after.has_value());
  EXPECT_EQ(after.error().fields[0].pointer, "/delta");
}

TEST(StockLevels, MoveWhatIsOnHandDownToWhatIsReserved) {
  StockLevels stock;
  stock.add(OfferId("o"), {10, 4, 1});
  EXPECT_FALSE(stock.entries().at(OfferId("o")).changed);
  stock.move(OfferId("o"), -6);
  EXPECT_EQ(stock.available(OfferId("o")), 0);
  EXPECT_TRUE(stock.entries().at(OfferId("o")).changed);
  EXPECT_THROW(stock.move(OfferId("o"), -1), std::logic_error);
  stock.move(OfferId("o"), 2);
  EXPECT_EQ(stock.available(OfferId("o")), 2);
}

}  // namespace
}  // namespace agora::order
