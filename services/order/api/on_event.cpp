#include "services/order/api/on_event.hpp"

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"

namespace agora::order {
namespace {

constexpr std::int64_t kQuantityOnHandMax = 1'000'000'000'000;

struct OfferData {
  OfferId offer_id{};
  SellerId seller_id{};
  ProductId product_id{};
  VariantId variant_id{};
  json::Text<128> sku{};
  json::Integer<0, kMoneyMajorMax * 100> price{};
  std::string currency{};
  std::string status{};
  bool requires_shipping = true;
  std::optional<bool> tax_included{};
  std::optional<json::Integer<0, 365>> handling_days{};
  std::optional<json::Integer<0, kQuantityOnHandMax>> initial_quantity{};
};
BOOST_DESCRIBE_STRUCT(OfferData, (),
                      (offer_id, seller_id, product_id, variant_id, sku, price, currency, status, requires_shipping,
                       tax_included, handling_days, initial_quantity))

struct ProductData {
  ProductId product_id{};
  std::string status{};
  json::Text<512> title{};
};
BOOST_DESCRIBE_STRUCT(ProductData, (), (product_id, status, title))

struct SellerData {
  SellerId seller_id{};
  std::string status{};
  json::Text<512> name{};
};
BOOST_DESCRIBE_STRUCT(SellerData, (), (seller_id, status, name))

struct UserData {
  UserId user_id{};
};
BOOST_DESCRIBE_STRUCT(UserData, (), (user_id))

/// Events grow: what we do not know of one is passed over.
template <class T>
Result<T> read_data(const IncomingEvent& event) {
  return json::read<T>(event.envelope.root().member("data").value(), json::UnknownFields::ignore);
}

Result<void> on_offer(sql::Tx& tx, const IncomingEvent& event, Timestamp now) {
  AGORA_TRY(const auto data, read_data<OfferData>(event));
  const auto currency = Currency::from_code(data.currency);
  if (!currency || !fits(Money{data.price.value, *currency})) {
    return json::validation_failed({{"/currency", "invalid_value", "must be an ISO 4217 code that the price fits"}});
  }
  OfferState offer{.offer_id = data.offer_id,
                   .seller_id = data.seller_id,
                   .product_id = data.product_id,
                   .variant_id = data.variant_id,
                   .sku = data.sku.value,
                   .price = data.price.value,
                   .currency = data.currency,
                   .status = data.status,
                   .requires_shipping = data.requires_shipping,
                   .tax_included = data.tax_included.value_or(true),
                   .handling_days = data.handling_days ? data.handling_days->value : 0};
  if (data.initial_quantity) offer.initial_quantity = data.initial_quantity->value;
  apply(tx, offer, event.source, now);
  return {};
}

Result<void> on_product(sql::Tx& tx, const IncomingEvent& event) {
  AGORA_TRY(const auto data, read_data<ProductData>(event));
  apply(tx, ProductState{data.product_id, data.status, data.title.value}, event.source);
  return {};
}

Result<void> on_seller(sql::Tx& tx, const IncomingEvent& event) {
  AGORA_TRY(const auto data, read_data<SellerData>(event));
  apply(tx, SellerState{data.seller_id, data.status, data.name.value}, event.source);
  return {};
}

Result<void> on_user(sql::Tx& tx, const IncomingEvent& event) {
  AGORA_TRY(const auto data, read_data<UserData>(event));
  apply(tx, UserState{data.user_id}, event.source);
  return {};
}

}  // namespace

Result<void> on_event(sql::Tx& tx, const IncomingEvent& event, Timestamp now) {
  const auto is = [&](std::string_view noun) { return event.type.starts_with(noun); };
  if (is("offer.")) return on_offer(tx, event, now);
  if (is("product.")) return on_product(tx, event);
  if (is("seller.")) return on_seller(tx, event);
  if (is("user.")) return on_user(tx, event);
  return {};
}

}  // namespace agora::order
