#include "services/order/api/current_prices.hpp"

#include "libs/log/log.hpp"

namespace agora::order {
namespace {

/// Whether what we know is newer now than when it was decided.
Task<bool> learn_prices(const PriceQuestion& question, Ctx ctx, LineRequests lines) {
  std::vector<OfferId> offer_ids;
  std::vector<ProductId> product_ids;
  for (const auto& line : lines) {
    if (line.offer_id) offer_ids.push_back(*line.offer_id);
    if (!line.offer_id && line.product_id) product_ids.push_back(*line.product_id);
  }
  auto asking = question.catalog.offers(ctx, std::move(offer_ids), std::move(product_ids));
  auto current = co_await std::move(asking);
  if (!current) {
    log::warn(ctx, "catalog could not be asked for a price", {{"why", current.error().message}});
    co_return false;
  }
  co_return co_await question.replica.refresh(std::move(ctx), *std::move(current), question.clock.now());
}

}  // namespace

Task<Result<Answered>> place_at_current_prices(const PriceQuestion& question, Ctx ctx, LineRequests lines,
                                               Placing place) {
  auto placing = place(ctx);
  auto answered = co_await std::move(placing);
  if (answered || answered.error().code != "price_changed") co_return answered;
  const bool learned = co_await learn_prices(question, ctx, std::move(lines));
  if (!learned) co_return answered;
  auto again = place(std::move(ctx));
  co_return co_await std::move(again);
}

}  // namespace agora::order
