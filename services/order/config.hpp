#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "libs/service/settings.hpp"

namespace agora::order {

/// All settings of the order service: those of every service, and these.
struct Config : service::Settings {
  Config();

  bool demo_guests = false;  ///< requests without a token may place and read orders of the users in --offers
  std::optional<std::chrono::milliseconds> payment_window{};  ///< none: 24 h with --standalone, else 15 min
  std::chrono::milliseconds expiry_interval{1'000};
  std::int64_t expiry_batch_max = 100;
  std::chrono::milliseconds idempotency_retention{std::chrono::hours{24}};
  std::chrono::milliseconds cleaning_interval{std::chrono::minutes{1}};
  std::int64_t cleaning_batch_max = 1'000;
  std::int64_t carts_per_buyer_max = 20;
  std::chrono::milliseconds cart_retention{std::chrono::hours{30 * 24}};  ///< since a cart was last touched
  std::int64_t cart_cleaning_batch_max = 100;
  std::chrono::milliseconds seller_contact_retention{std::chrono::hours{90 * 24}};  ///< since an order ended
  std::chrono::milliseconds shipping_grace{std::chrono::hours{7 * 24}};             ///< after `ship_by`
  std::chrono::milliseconds delivery_assumed_after{std::chrono::hours{14 * 24}};    ///< since it was shipped
  std::chrono::milliseconds completion_after{std::chrono::hours{3 * 24}};           ///< since all was delivered
  std::chrono::milliseconds progress_interval{std::chrono::minutes{1}};
  std::int64_t progress_batch_max = 50;
  std::string catalog_grpc;  ///< HOST:PORT where catalog is asked for prices; empty: it is not
  std::chrono::milliseconds price_question_deadline{300};
  std::chrono::milliseconds payment_hold_min{std::chrono::minutes{10}};

  /// Reads them; an exit code when the program should end now.
  std::optional<int> parse(int argc, const char* const* argv);

  std::chrono::milliseconds time_to_pay() const;
};

}  // namespace agora::order
