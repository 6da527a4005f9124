#pragma once
#include <string>
#include <unordered_set>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/lines.hpp"
#include "services/order/core/stock.hpp"

namespace agora::order {

/// Every offer that a line may turn out to mean, the stock of each, locked, and for which sellers the buyers may act.
struct Held {
  Assortment assortment{};
  StockLevels stock{};
};

/// Holds what is needed to decide all these lines, in the one lock order.
Held hold(sql::Tx& tx, const std::vector<const LineRequests*>& wanted, const std::unordered_set<std::string>& buyers);

}  // namespace agora::order
