#pragma once
#include <string>
#include <vector>

#include "services/order/core/cart.hpp"

namespace agora::order {

/// The cart as the REST contract shows it, priced as of now.
std::string render_cart(const PricedCart& priced);
/// `{items}`
std::string render_carts(const std::vector<PricedCart>& carts);
/// `{items, next_cursor, has_more}`; an empty cursor is null.
std::string render_cart_page(const std::vector<PricedCart>& carts, const std::string& next_cursor);

}  // namespace agora::order
