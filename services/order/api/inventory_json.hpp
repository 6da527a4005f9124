#pragma once
#include <string>

#include "services/order/store/inventory_store.hpp"

namespace agora::order {

/// What is there of an offer, as its seller sees it.
std::string render_inventory(const Inventory& inventory);

}  // namespace agora::order
