#include "services/order/api/on_event.hpp"

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"
#include "libs/telemetry/trace.hpp"
#include "services/order/api/event_data.hpp"
#include "services/order/api/on_payment.hpp"
#include "services/order/store/pay.hpp"
#include "services/order/store/payment_attempts.hpp"
#include "services/order/store/refunding.hpp"
#include "services/order/store/replicas.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

constexpr std::int64_t kQuantityOnHandMax = 1'000'000'000'000;

struct OfferData {
  OfferId offer_id{};
  SellerId seller_id{};
  ProductId product_id{};
  VariantId variant_id{};
  json::Text<128> sku{};
  json::Integer<0, kMoneyMajorMax * 10'000> price{};
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

struct MemberData {
  UserId user_id{};
  std::string role{};
};
BOOST_DESCRIBE_STRUCT(MemberData, (), (user_id, role))

struct SellerData {
  SellerId seller_id{};
  std::string status{};
  json::Text<512> name{};
  std::optional<std::vector<MemberData>> members{};
};
BOOST_DESCRIBE_STRUCT(SellerData, (), (seller_id, status, name, members))

struct UserData {
  UserId user_id{};
};
BOOST_DESCRIBE_STRUCT(UserData, (), (user_id))

/// An event of --offers has no number in a log.
SourceVersion source_of(const events::Event& event) {
  return {event.log_id, event.version, event.sequence > 0};
}

Result<void> on_offer(sql::Tx& tx, const events::Event& event, Timestamp now) {
  AGORA_TRY(const auto data, read_data(event, &OfferData::offer_id));
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
  return apply(tx, offer, source_of(event), now);
}

Result<void> on_product(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data(event, &ProductData::product_id));
  apply(tx, ProductState{data.product_id, data.status, data.title.value}, source_of(event));
  return {};
}

Result<void> on_seller(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data(event, &SellerData::seller_id));
  SellerState seller{.seller_id = data.seller_id, .status = data.status, .name = data.name.value};
  if (data.members) {
    for (const auto& member : *data.members) seller.members.push_back({member.user_id, member.role});
  }
  apply(tx, seller, source_of(event));
  return {};
}

constexpr std::string_view kDeleted = "user.deleted";

Result<void> on_payment(sql::Tx& tx, const events::Event& event, Timestamp now) {
  AGORA_TRY(const auto told, read_from_payment(event));
  if (!told) return {};
  const auto trace = telemetry::parse_traceparent(event.traceparent).value_or(TraceContext{});
  if (const auto* refund = std::get_if<Refund>(&*told)) return apply_refund(tx, *refund, now, trace);
  if (const auto* capture = std::get_if<Capture>(&*told)) {
    apply_capture(tx, *capture, now, trace);
  } else {
    apply_progress(tx, std::get<PaymentProgress>(*told), now, trace);
  }
  return {};
}

}  // namespace

void EventHandler::lock(sql::Tx& tx, const std::vector<events::Event>& events) {
  // SQLite has one writer. Elsewhere users, keys and carts come before groups, and these before stock, all of a batch
  // at once and in order.
  if (tx.engine() == sql::Engine::sqlite) return;
  std::unordered_set<std::string> erased;
  for (const auto& event : events) {
    if (event.type == kDeleted && is_id(event.subject)) erased.insert(event.subject);
  }
  lock_for_erasure(tx, erased);
  std::vector<OrderGroupId> group_ids;
  std::vector<OrderId> refunded;
  for (const auto& event : events) {
    const auto told = read_from_payment(event);
    if (!told || !*told) continue;
    group_ids.push_back(group_of(**told));
    if (const auto* refund = std::get_if<Refund>(&**told)) refunded.push_back(refund->order_id);
  }
  if (!group_ids.empty()) lock_groups(tx, group_ids, SkipLocked::no);
  lock_stock_of_orders(tx, refunded);
}

Result<void> EventHandler::apply(sql::Tx& tx, const events::Event& event) {
  const auto is = [&](std::string_view noun) { return event.type.starts_with(noun); };
  const auto now = clock_.now();
  if (is("offer.")) return on_offer(tx, event, now);
  if (is("product.")) return on_product(tx, event);
  if (is("seller.")) return on_seller(tx, event);
  if (is("user.")) return on_user(tx, event);
  return on_payment(tx, event, now);
}

Result<void> EventHandler::on_user(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data(event, &UserData::user_id));
  // Of those who are there a token says enough.
  if (event.type != kDeleted) return {};
  erase_user(tx, data.user_id, event.version);
  // Before the commit: should it not come, the event comes again, and what is told of a deletion is never taken back.
  erased_.add(data.user_id.str());
  return {};
}

}  // namespace agora::order
