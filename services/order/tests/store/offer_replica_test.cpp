// What order takes over of what catalog said when it was asked, on both engines.

#include "services/order/store/offer_replica.hpp"

#include "services/order/tests/store/placed_group.hpp"

namespace agora::order {
namespace {

class OfferReplicaTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override { provide_offers(*database_); }

  bool refresh(const char* offer_id, std::int64_t price, std::int64_t version, const char* log_id = "log",
               const char* currency = "USD") {
    CurrentOffers offers{log_id,
                         {{{.offer_id = OfferId(offer_id),
                            .seller_id = SellerId("s1"),
                            .product_id = ProductId("p1"),
                            .variant_id = VariantId("v1"),
                            .sku = "SKU",
                            .price = price,
                            .currency = currency,
                            .status = "active"},
                           version}}};
    return testing::run(replica_.refresh({}, std::move(offers), kPlacedAt));
  }
  std::int64_t price(const char* offer_id) {
    return database_->read_blocking({}, [&](sql::Tx& tx) {
      auto rows = tx.query("SELECT price FROM offers WHERE offer_id = $1", {offer_id});
      return rows.next() ? rows.int64(0) : -1;
    });
  }

  testing::TemporaryDatabase database_{GetParam()};
  OfferReplica replica_{*database_};
};

TEST_P(OfferReplicaTest, TakesOverWhatIsNewer) {
  EXPECT_TRUE(refresh("o1", 600, 2));
  EXPECT_EQ(price("o1"), 600);
  EXPECT_EQ(price("o2"), 500);
}

TEST_P(OfferReplicaTest, LeavesWhatIsNot) {
  EXPECT_FALSE(refresh("o1", 600, 1)) << "the version that is there";
  EXPECT_FALSE(refresh("o1", 600, 9, "another")) << "versions of another log say nothing here";
  EXPECT_FALSE(refresh("o9", 600, 9)) << "an offer that nobody told of";
  EXPECT_FALSE(refresh("o1", 600, 9, "log", "EUR")) << "an offer keeps its currency";
  EXPECT_EQ(price("o1"), 500);
  EXPECT_EQ(price("o9"), -1);
}

INSTANTIATE_TEST_SUITE_P(Engines, OfferReplicaTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
