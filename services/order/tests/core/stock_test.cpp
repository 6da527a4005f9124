#include "services/order/core/stock.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace agora::order {
namespace {

TEST(StockLevels, ReserveAndReleaseKeepTheInvariant) {
  StockLevels stock;
  stock.add(OfferId("o"), {10, 4, 1});
  EXPECT_EQ(stock.available(OfferId("o")), 6);
  stock.reserve(OfferId("o"), 6);
  EXPECT_EQ(stock.available(OfferId("o")), 0);
  EXPECT_THROW(stock.reserve(OfferId("o"), 1), std::logic_error);
  stock.release(OfferId("o"), 10);
  EXPECT_THROW(stock.release(OfferId("o"), 1), std::logic_error);
  EXPECT_EQ(stock.available(OfferId("o")), 10);
}

TEST(StockLevels, WhatIsShippedIsNeitherReservedNorHere) {
  StockLevels stock;
  stock.add(OfferId("o"), {10, 4, 1});
  stock.ship(OfferId("o"), 3);
  EXPECT_EQ(stock.entries().at(OfferId("o")).level.on_hand, 7);
  EXPECT_EQ(stock.entries().at(OfferId("o")).level.reserved, 1);
  EXPECT_EQ(stock.available(OfferId("o")), 6) << "nobody else could have had it";
  EXPECT_TRUE(stock.entries().at(OfferId("o")).changed);
  EXPECT_THROW(stock.ship(OfferId("o"), 2), std::logic_error) << "only what was reserved is shipped";
}

TEST(StockLevels, AnOfferWithoutARowHasNone) {
  StockLevels stock;
  EXPECT_EQ(stock.available(OfferId("o")), 0);
  EXPECT_THROW(stock.reserve(OfferId("o"), 1), std::logic_error);
}

TEST(StockLevels, KnowWhatChanged) {
  StockLevels stock;
  stock.add(OfferId("a"), {1, 0, 1});
  stock.add(OfferId("b"), {1, 0, 1});
  stock.reserve(OfferId("b"), 1);
  EXPECT_FALSE(stock.entries().at(OfferId("a")).changed);
  EXPECT_TRUE(stock.entries().at(OfferId("b")).changed);
}

TEST(StockLevels, RefuseWhatIsNoQuantity) {
  StockLevels stock;
  stock.add(OfferId("o"), {10, 4, 1});
  for (const std::int64_t quantity : {0L, -1L, 7L, INT64_MAX, INT64_MIN}) {
    EXPECT_THROW(stock.reserve(OfferId("o"), quantity), std::logic_error) << quantity;
  }
  for (const std::int64_t quantity : {-1L, 5L, INT64_MAX, INT64_MIN}) {
    EXPECT_THROW(stock.release(OfferId("o"), quantity), std::logic_error) << quantity;
  }
  EXPECT_THROW(stock.release(OfferId("none"), 1), std::logic_error);
  EXPECT_EQ(stock.available(OfferId("o")), 6);
  EXPECT_FALSE(stock.entries().at(OfferId("o")).changed) << "a refusal is no change";
}

TEST(StockLevels, StandInTheOrderTheyAreLockedIn) {
  StockLevels stock;
  for (const char* id : {"b", "a", "B", "10", "9"}) stock.add(OfferId(id), {1, 0, 1});
  std::vector<std::string> ids;
  for (const auto& [id, entry] : stock.entries()) ids.push_back(id.str());
  EXPECT_EQ(ids, (std::vector<std::string>{"10", "9", "B", "a", "b"}));
}

}  // namespace
}  // namespace agora::order
