#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "services/order/store/inventory_store.hpp"

namespace agora::order {

/// What is there of an offer, as its seller sees it.
std::string render_inventory(const Inventory& inventory);
/// The version that such a document says. An answer that is repeated is its bytes alone.
std::int64_t version_of_inventory(std::string_view document);

}  // namespace agora::order
