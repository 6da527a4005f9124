#pragma once
#include <optional>
#include <string>

#include "services/order/core/types.hpp"

namespace agora::order {

/// An offer as catalog publishes it, as far as order keeps it.
struct OfferState {
  OfferId offer_id{};
  SellerId seller_id{};
  ProductId product_id{};
  VariantId variant_id{};
  std::string sku{};
  std::int64_t price = 0;  ///< minor units
  std::string currency{};  ///< ISO 4217
  std::string status{};    ///< active, inactive, archived
  bool requires_shipping = true;
  bool tax_included = true;  ///< only such are sold: nothing adds tax yet
  std::int64_t handling_days = 0;
  std::optional<std::int64_t> initial_quantity{};  ///< stock the offer starts with; applied once, ever
};

}  // namespace agora::order
