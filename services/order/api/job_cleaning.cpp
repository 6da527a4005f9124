#include "services/order/api/jobs.hpp"

namespace agora::order {
namespace {

using telemetry::MoreWork;

Task<MoreWork> clean_round(OrderStore& orders, const Clock& clock, std::chrono::milliseconds keep, int batch_max,
                           Ctx ctx) {
  const auto deleted = co_await orders.delete_keys(ctx, clock.now() - keep, batch_max);
  const auto settled = co_await orders.delete_settled(std::move(ctx), batch_max);
  co_return deleted == batch_max || settled >= batch_max ? MoreWork::yes : MoreWork::no;
}

Task<MoreWork> clean_carts(CartStore& carts, const Clock& clock, std::chrono::milliseconds keep, int batch_max,
                           Ctx ctx) {
  const auto deleted = co_await carts.delete_stale(std::move(ctx), clock.now() - keep, batch_max);
  co_return deleted == batch_max ? MoreWork::yes : MoreWork::no;
}

}  // namespace

telemetry::Job cart_cleaning_job(CartStore& carts, const Clock& clock, const Config& config) {
  const auto keep = config.cart_retention;
  const auto batch_max = static_cast<int>(config.cart_cleaning_batch_max);
  return
      [&carts, &clock, keep, batch_max](Ctx ctx) { return clean_carts(carts, clock, keep, batch_max, std::move(ctx)); };
}

telemetry::Job key_cleaning_job(OrderStore& orders, const Clock& clock, const Config& config) {
  const auto keep = config.idempotency_retention;
  const auto batch_max = static_cast<int>(config.cleaning_batch_max);
  return [&orders, &clock, keep, batch_max](Ctx ctx) {
    return clean_round(orders, clock, keep, batch_max, std::move(ctx));
  };
}

}  // namespace agora::order
