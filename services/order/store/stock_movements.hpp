#pragma once
#include <string_view>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// Why an offer's `on_hand` is what it is: the movements of an offer sum to it.
struct StockMovement {
  OfferId offer_id;
  std::string_view kind;  ///< `initial`, `adjustment`, `restock`; a literal
  std::int64_t delta;
  std::string_view reason{};  ///< empty: the kind says it all; must outlive the write
};

/// Adds them, in the transaction of the change itself.
void write_movements(sql::Tx& tx, const std::vector<StockMovement>& movements, Timestamp now);

}  // namespace agora::order
