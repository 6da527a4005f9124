#pragma once
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/sql/tx.hpp"
#include "services/order/core/offer_state.hpp"

namespace agora::order {

/// Which state of a subject. From a consumer it is known to be the newer one: its inbox has seen to that, and a log
/// that is replayed overwrites. Otherwise (--offers, read at every start) it replaces an older one of the same log
/// only.
struct SourceVersion {
  std::string log_id{};
  std::int64_t version = 0;
  bool known_newer = false;
};

/// The states that catalog publishes, as far as order keeps them; of offers: OfferState.
struct ProductState {
  ProductId product_id{};
  std::string status{};  ///< only `published` is sold
  std::string title{};
};
struct SellerState {
  /// Somebody who may act for the seller.
  struct Member {
    UserId user_id{};
    std::string role{};  ///< owner, staff
  };

  SellerId seller_id{};
  std::string status{};  ///< only `open` sells
  std::string name{};
  std::vector<Member> members{};  ///< whom it does not sell to
};

/// Stores a state where it replaces the one that is there; else nothing changes. Repeating one is harmless. "No" for an
/// offer: failed_precondition `currency_changed`; buyers name a price alone, and mean it in the currency they saw.
Result<void> apply(sql::Tx& tx, const OfferState& offer, const SourceVersion& source, Timestamp now);
void apply(sql::Tx& tx, const ProductState& product, const SourceVersion& source);
void apply(sql::Tx& tx, const SellerState& seller, const SourceVersion& source);

/// Locks what erasing these users will touch, in the one lock order. On PostgreSQL, before anything else of a batch.
void lock_for_erasure(sql::Tx& tx, const std::unordered_set<std::string>& user_ids);

/// Forgets a user for good: what is kept of them but orders, whose ids say nothing. `version`: of the tombstone.
void erase_user(sql::Tx& tx, const UserId& user_id, std::int64_t version);

}  // namespace agora::order
