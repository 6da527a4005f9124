#include "services/order/config.hpp"

namespace agora::order {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60 * 1'000;

}  // namespace

Config::Config() {
  name = "order";
  port = 8000;
  internal_port = 9100;
  grpc_port = 9000;
}

std::optional<int> Config::parse(int argc, const char* const* argv) {
  config::Parser parser(program(), "Takes orders and keeps the stock that they are made of.", "AGORA_ORDER_");
  declare(parser, {"catalog", "auth", "payment"});
  parser.flag("demo-guests", demo_guests, "Let requests without a token place and read orders of the demo users");
  parser.option("payment-window", payment_window,
                "An unpaid order expires after it (24h with --standalone, else 15min)", {.min = 1, .max = 365 * kDay});
  parser.option("expiry-interval", expiry_interval, "How often unpaid orders are looked for", {.min = 1, .max = kDay});
  parser.option("expiry-batch-max", expiry_batch_max, "Most groups expired at once", {.min = 1, .max = 10'000});
  parser.option("idempotency-retention", idempotency_retention, "How long idempotency keys are kept",
                {.min = 1, .max = 365 * kDay});
  parser.option("cleaning-interval", cleaning_interval, "How often old keys and carts are deleted",
                {.min = 1, .max = kDay});
  parser.option("cleaning-batch-max", cleaning_batch_max, "Most keys deleted at once", {.min = 1, .max = 100'000});
  parser.option("carts-per-buyer-max", carts_per_buyer_max, "Most open carts of one buyer", {.min = 1, .max = 1'000});
  parser.option("cart-retention", cart_retention, "How long a cart is kept that nobody touches",
                {.min = 1, .max = 365 * kDay});
  parser.option("cart-cleaning-batch-max", cart_cleaning_batch_max, "Most carts deleted at once",
                {.min = 1, .max = 10'000});
  parser.option("seller-contact-retention", seller_contact_retention,
                "How long after an order ended its seller sees where it went", {.min = 0, .max = 3'650 * kDay});
  parser.option("shipping-grace", shipping_grace,
                "What of a paid order is not shipped so long after ship_by is canceled", {.min = 0, .max = 365 * kDay});
  parser.option("delivery-assumed-after", delivery_assumed_after,
                "What was shipped counts as delivered after it, where nobody says so before",
                {.min = 1, .max = 365 * kDay});
  parser.option("completion-after", completion_after,
                "An order that was delivered is completed after it, where its buyer does not before",
                {.min = 1, .max = 365 * kDay});
  parser.option("progress-interval", progress_interval, "How often these are looked for", {.min = 1, .max = kDay});
  parser.option("progress-batch-max", progress_batch_max, "Most groups of each that go on at once",
                {.min = 1, .max = 10'000});
  declare_peer(parser, "catalog", catalog_grpc);
  parser.option("price-question-deadline", price_question_deadline,
                "How long a buyer waits while catalog is asked for a price", {.min = 1, .max = 10'000});
  parser.option("payment-hold-min", payment_hold_min,
                "Time to pay that a group has at least once its payment began; given once", {.min = 0, .max = kDay});
  parser.rule([this]() -> std::optional<std::string> {
    // They wait for the database at once; what is placed meanwhile must find room there.
    if (expiry_batch_max * 4 <= static_cast<std::int64_t>(sql.queue_max)) return std::nullopt;
    return "--expiry-batch-max must be at most a quarter of --sql.queue-max";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (progress_batch_max * 4 <= static_cast<std::int64_t>(sql.queue_max)) return std::nullopt;
    return "--progress-batch-max must be at most a quarter of --sql.queue-max";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (!production() || !demo_guests) return std::nullopt;
    return "--demo-guests is refused in production; set AGORA_ENV=demo";
  });
  return parse_with(parser, argc, argv);
}

std::chrono::milliseconds Config::time_to_pay() const {
  if (payment_window) return *payment_window;
  return standalone ? std::chrono::hours{24} : std::chrono::minutes{15};
}

}  // namespace agora::order
