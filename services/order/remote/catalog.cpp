#include "services/order/remote/catalog.hpp"

#include <algorithm>
#include <array>

#include "contracts/grpc/catalog.pb.h"
#include "libs/base/money.hpp"

namespace agora::order {
namespace {

namespace messages = catalog::v1;

// A buyer waits: it is asked once.
constexpr rpc::Method<messages::GetOffersRequest, messages::GetOffersResponse> kGetOffers{
    "agora.catalog.v1.CatalogService/GetOffers", rpc::Retry::never};

constexpr int kOffersMax = 1'000;
constexpr std::size_t kSkuMax = 128;
constexpr std::int64_t kHandlingDaysMax = 365;
constexpr std::array<std::string_view, 3> kStatuses{"active", "inactive", "archived"};

Error not_an_answer() {
  return {Errc::unavailable, "temporarily_unavailable", "Catalog gave an answer that cannot be."};
}

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// What another process says is looked at as any input is.
std::optional<CurrentOffers::Offer> read_offer(const messages::Offer& offer) {
  const auto offer_id = OfferId::parse(offer.offer_id());
  const auto seller_id = SellerId::parse(offer.seller_id());
  const auto product_id = ProductId::parse(offer.product_id());
  const auto variant_id = VariantId::parse(offer.variant_id());
  const auto currency = Currency::from_code(offer.currency());
  if (!offer_id || !seller_id || !product_id || !variant_id || !currency) return std::nullopt;
  if (offer.version() < 1 || offer.price() < 0 || !fits(Money{offer.price(), *currency})) return std::nullopt;
  if (offer.sku().empty() || offer.sku().size() > kSkuMax) return std::nullopt;
  if (offer.handling_days() < 0 || offer.handling_days() > kHandlingDaysMax) return std::nullopt;
  if (std::find(kStatuses.begin(), kStatuses.end(), offer.status()) == kStatuses.end()) return std::nullopt;
  return CurrentOffers::Offer{{.offer_id = *offer_id,
                               .seller_id = *seller_id,
                               .product_id = *product_id,
                               .variant_id = *variant_id,
                               .sku = offer.sku(),
                               .price = offer.price(),
                               .currency = offer.currency(),
                               .status = offer.status(),
                               .requires_shipping = offer.requires_shipping(),
                               .tax_included = offer.tax_included(),
                               .handling_days = offer.handling_days()},
                              offer.version()};
}

}  // namespace

Catalog::Catalog(rpc::ClientOptions options, std::chrono::milliseconds patience, telemetry::Registry& metrics)
    : client_(std::move(options), metrics), patience_(patience) {}

Task<Result<CurrentOffers>> Catalog::offers(Ctx ctx, std::vector<OfferId> offer_ids,
                                            std::vector<ProductId> product_ids) {
  messages::GetOffersRequest request;
  for (const auto& id : offer_ids) request.add_offer_ids(id.str());
  for (const auto& id : product_ids) request.add_product_ids(id.str());
  ctx.deadline = std::min(ctx.deadline, std::chrono::steady_clock::now() + patience_);
  AGORA_CO_TRY(const auto answer, co_await client_.call(std::move(ctx), kGetOffers, std::move(request)));

  if (answer.log_id().empty() || answer.log_id().size() > 64 || answer.offers_size() > kOffersMax) {
    co_return not_an_answer();
  }
  CurrentOffers current{.log_id = answer.log_id()};
  for (const auto& one : answer.offers()) {
    auto offer = read_offer(one);
    if (!offer) co_return not_an_answer();
    // Nobody asked for the others; they may be right, but then their events say so.
    if (!contains(offer_ids, offer->state.offer_id) && !contains(product_ids, offer->state.product_id)) continue;
    current.offers.push_back(*std::move(offer));
  }
  co_return current;
}

}  // namespace agora::order
