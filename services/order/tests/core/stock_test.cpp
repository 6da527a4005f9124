#include "services/order/core/stock.hpp"

#include <stdexcept>

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

}  // namespace
}  // namespace agora::order
