#include <array>

#include "embedded/migration_0002_orders.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

std::span<const sql::Migration> migrations() {
  static const std::array<sql::Migration, 2> kMigrations{{
      {1, "0001_idempotency_keys", sql::kIdempotencySchema},
      {2, "0002_orders", embedded::migration_0002_orders},
  }};
  return kMigrations;
}

}  // namespace agora::order
