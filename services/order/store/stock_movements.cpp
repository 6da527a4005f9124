#include "services/order/store/stock_movements.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kInsert{
    "INSERT INTO stock_movements (offer_id, kind, delta, reason, made_at) VALUES ($1, $2, $3, $4, $5)"};

}  // namespace

void write_movements(sql::Tx& tx, const std::vector<StockMovement>& movements, Timestamp now) {
  sql::Batch batch(kInsert, 5);
  for (const auto& [offer_id, kind, delta, reason] : movements) {
    batch.add({offer_id, kind, delta, reason.empty() ? sql::Value(nullptr) : sql::Value(reason), now});
  }
  tx.batch(batch);
}

}  // namespace agora::order
