// agora seed: demo orders by the public API. Their idempotency keys are fixed, so that a second run places none.

#include <iostream>

#include "cli/command.hpp"
#include "cli/http_calls.hpp"
#include "libs/config/parser.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

constexpr const char* kDescription =
    "Places demo orders of the offers that are built into a demo marketplace (agora up). Repeated within the time "
    "that\n"
    "idempotency keys are kept (24 h), it changes nothing.\n"
    "\n"
    "Examples:\n"
    "  agora seed\n"
    "  agora seed --url http://127.0.0.1:8080 --count 100\n"
    "\n"
    "Exit codes: 0 all are there; 1 an answer was wrong; 2 nobody answered.\n";

/// What services/order sells by itself: 499.99 USD each.
constexpr const char* kUser = "u1";
constexpr const char* kProduct = "p42";
constexpr std::int64_t kPriceMinor = 49'999;
constexpr std::int64_t kQuantityMax = 3;

struct Settings {
  std::string url = "http://127.0.0.1:8000";
  std::int64_t count = 20;
  bool json = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora seed", kDescription, "AGORA_SEED_");
    parser.option("url", url, "Public address of the order service");
    parser.option("count", count, "Orders to have", {.min = 1, .max = 9'999});
    parser.flag("json", json, "Print JSON");
    return parser.parse(argc, argv);
  }
};

/// 1 is `seed-0001`.
std::string key_of(std::int64_t number) {
  const auto digits = std::to_string(number);
  return "seed-" + std::string(4 - digits.size(), '0') + digits;
}

std::string amount(std::int64_t minor) {
  const auto cents = std::to_string(100 + minor % 100);
  return std::to_string(minor / 100) + "." + cents.substr(1);
}

std::string body_of(std::int64_t quantity) {
  std::string body;
  json::Writer(body)
      .begin_object()
      .member("user_id", kUser)
      .member("product_id", kProduct)
      .member("quantity", quantity)
      .key("price")
      .raw(amount(kPriceMinor))
      .end_object();
  return body;
}

/// What is wrong with the answer; none when it is the order that was asked for.
std::optional<std::string> mistake_in(const Answer& answer, std::int64_t quantity) {
  if (answer.status != 201) return "was answered " + answer.why();
  const auto document = answer.document();
  const auto order = document.root();
  const bool is_right = !text_member(order, "order_id").empty() && text_member(order, "user_id") == kUser &&
                        text_member(order, "product_id") == kProduct &&
                        text_member(order, "quantity") == std::to_string(quantity) &&
                        text_member(order, "total") == amount(kPriceMinor * quantity);
  if (is_right) return std::nullopt;
  return "was answered by another order";
}

}  // namespace

int seed(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  HttpCalls calls;
  std::int64_t placed = 0;
  std::int64_t kept = 0;
  std::int64_t wrong = 0;
  for (std::int64_t number = 1; number <= settings.count; ++number) {
    const auto quantity = 1 + number % kQuantityMax;
    const auto answer = calls.ask({.method = "POST",
                                   .url = settings.url + "/orders",
                                   .body = body_of(quantity),
                                   .idempotency_key = key_of(number),
                                   .deadline = soon()});
    if (const auto mistake = mistake_in(answer, quantity)) {
      say("seed: " + key_of(number) + " " + *mistake);
      ++wrong;
    } else {
      ++(answer.is_replay ? kept : placed);
    }
  }
  if (settings.json) {
    std::string out;
    json::Writer(out).begin_object().member("placed", placed).member("kept", kept).member("wrong", wrong).end_object();
    print_json(out);
  } else {
    std::cout << "placed " << placed << " orders of " << kUser << "; " << kept << " were there already\n" << std::flush;
  }
  return wrong == 0 ? kDone : kBad;
}

}  // namespace agora::cli
