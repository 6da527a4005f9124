// What order takes over of what catalog said when it was asked, on both engines.

#include "services/order/store/offer_replica.hpp"

#include "libs/testing/run.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

class OfferReplicaTest : public OrderStoreTest {
 protected:
  bool refresh(const char* offer_id, std::int64_t price, std::int64_t version,
               const std::string& log_id = kSource.log_id, const char* currency = "USD") {
    auto state = offer(offer_id, "s1", price, 0);
    state.currency = currency;
    state.initial_quantity.reset();
    CurrentOffers offers{log_id, {{std::move(state), version}}};
    return testing::run(replica_.refresh({}, std::move(offers), kNow));
  }
  std::int64_t price(const char* offer_id) {
    return database_->read_blocking({}, [&](sql::Tx& tx) {
      auto rows = tx.query("SELECT price FROM offers WHERE offer_id = $1", {offer_id});
      return rows.next() ? rows.int64(0) : -1;
    });
  }

  OfferReplica replica_{*database_};
};

TEST_P(OfferReplicaTest, TakesOverWhatIsNewer) {
  EXPECT_TRUE(refresh("o1", 600, 2));
  EXPECT_EQ(price("o1"), 600);
  EXPECT_EQ(price("o2"), 700);
}

TEST_P(OfferReplicaTest, LeavesWhatIsNot) {
  EXPECT_FALSE(refresh("o1", 600, 1)) << "the version that is there";
  EXPECT_FALSE(refresh("o1", 600, 9, "another")) << "versions of another log say nothing here";
  EXPECT_FALSE(refresh("o9", 600, 9)) << "an offer that nobody told of";
  EXPECT_FALSE(refresh("o1", 600, 9, kSource.log_id, "EUR")) << "an offer keeps its currency";
  EXPECT_EQ(price("o1"), 500);
  EXPECT_EQ(price("o9"), -1);
}

INSTANTIATE_TEST_SUITE_P(Engines, OfferReplicaTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
