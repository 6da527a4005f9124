#include "services/order/core/cart.hpp"

#include <algorithm>

namespace agora::order {
namespace {

Error invalid(std::string pointer, std::string code, std::string message) {
  return {Errc::invalid_argument,
          "validation_failed",
          "The cart cannot hold this.",
          {{std::move(pointer), std::move(code), std::move(message)}}};
}

/// What so many of an offer cost.
std::optional<Amounts> cost(const Offer& offer, std::int64_t quantity) {
  const auto line = priced_line({.quantity = quantity}, offer);
  if (!line) return std::nullopt;
  return line->amounts;
}

CartLine* find_offer(std::vector<CartLine>& lines, const OfferId& offer_id) {
  const auto found =
      std::find_if(lines.begin(), lines.end(), [&](const CartLine& line) { return line.offer_id == offer_id; });
  return found == lines.end() ? nullptr : &*found;
}

std::int64_t next_position(const std::vector<CartLine>& lines) {
  return lines.empty() ? 1 : lines.back().position + 1;
}

}  // namespace

std::string_view to_string(CartStatus status) {
  return status == CartStatus::open ? "open" : "checked_out";
}

template <>
std::optional<CartStatus> parse_enum(std::string_view name) {
  for (const auto status : {CartStatus::open, CartStatus::checked_out}) {
    if (to_string(status) == name) return status;
  }
  return std::nullopt;
}

std::string_view to_string(LineAvailability availability) {
  switch (availability) {
    case LineAvailability::available:
      return "available";
    case LineAvailability::out_of_stock:
      return "out_of_stock";
    case LineAvailability::unavailable:
      return "unavailable";
  }
  return "unavailable";
}

Error no_such_cart() {
  return {Errc::not_found, "not_found", "There is no such cart, or no such line in it."};
}

CartLine* Cart::find(const LineId& line_id) {
  const auto found =
      std::find_if(lines.begin(), lines.end(), [&](const CartLine& line) { return line.line_id == line_id; });
  return found == lines.end() ? nullptr : &*found;
}

Result<void> Cart::check_open() const {
  if (status == CartStatus::open) return {};
  return Error{Errc::conflict, "cart_closed", "The cart was checked out."};
}

void Cart::touch(Timestamp now) {
  updated_at = now;
  ++version;
}

Result<void> Cart::add(const Offer& offer, std::int64_t quantity, LineId line_id, Timestamp now) {
  AGORA_TRY_VOID(check_open());
  if (!offer.sellable) return Error{Errc::conflict, "offer_unavailable", "This offer cannot be bought now."};
  if (currency && *currency != offer.price.currency) {
    return Error{Errc::conflict, "mixed_currencies", "What is paid together has one currency."};
  }
  auto* line = find_offer(lines, offer.offer_id);
  const auto together = quantity + (line == nullptr ? 0 : line->quantity);
  if (together > kQuantityMax) {
    return invalid("/quantity", "out_of_range", "makes more than " + std::to_string(kQuantityMax) + " of the offer");
  }
  if (!cost(offer, together)) return invalid("/quantity", "amount_too_large", "makes the line reach 10^12");
  if (line != nullptr) {
    line->quantity = together;
    line->price_when_added = offer.price.minor;
  } else {
    if (lines.size() == kLinesMax) {
      return invalid("/offer_id", "out_of_range", "would be more than " + std::to_string(kLinesMax) + " lines");
    }
    lines.push_back({std::move(line_id), offer.offer_id, next_position(lines), quantity, offer.price.minor});
    currency = offer.price.currency;
  }
  touch(now);
  return {};
}

Result<void> Cart::set_quantity(const LineId& line_id, std::int64_t quantity, Timestamp now) {
  AGORA_TRY_VOID(check_open());
  auto* line = find(line_id);
  if (line == nullptr) return no_such_cart();
  line->quantity = quantity;
  touch(now);
  return {};
}

Result<void> Cart::remove(const LineId& line_id, Timestamp now) {
  AGORA_TRY_VOID(check_open());
  const auto* line = find(line_id);
  if (line == nullptr) return no_such_cart();
  lines.erase(lines.begin() + (line - lines.data()));
  if (lines.empty()) currency.reset();
  touch(now);
  return {};
}

Result<void> Cart::edit(const ContactEdit& change, Timestamp now) {
  AGORA_TRY_VOID(check_open());
  AGORA_TRY(auto changed, edited(contact, change));
  contact = std::move(changed);
  touch(now);
  return {};
}

Result<void> Cart::check_out(OrderGroupId into, Timestamp now) {
  AGORA_TRY_VOID(check_open());
  status = CartStatus::checked_out;
  group_id = std::move(into);
  touch(now);
  return {};
}

bool Cart::can_take_in(const Cart& other) const {
  if (status != CartStatus::open || (currency && other.currency && *currency != *other.currency)) return false;
  auto all = lines;
  for (const auto& line : other.lines) {
    if (find_offer(all, line.offer_id) == nullptr) all.push_back(line);
  }
  return all.size() <= kLinesMax;
}

void Cart::take_in(const Cart& other, Timestamp now) {
  for (const auto& line : other.lines) {
    if (auto* own = find_offer(lines, line.offer_id)) {
      own->quantity = std::min(own->quantity + line.quantity, kQuantityMax);
      continue;
    }
    const auto position = next_position(lines);
    lines.push_back(line);
    lines.back().position = position;
  }
  if (!lines.empty() && !currency) currency = other.currency;
  if (!contact.email) contact.email = other.contact.email;
  if (!contact.shipping_address) contact.shipping_address = other.contact.shipping_address;
  if (!contact.billing_address) contact.billing_address = other.contact.billing_address;
  touch(now);
}

void Cart::hand_over(UserId to, Timestamp now) {
  user_id = std::move(to);
  touch(now);
}

PricedCart price(Cart cart, const Assortment& assortment, const StockLevels& stock) {
  PricedCart priced{std::move(cart)};
  for (const auto& line : priced.cart.lines) {
    auto& now = priced.lines.emplace_back();
    const auto* offer = assortment.find(line.offer_id);
    if (offer == nullptr) continue;
    now.offer = *offer;
    const auto amounts = cost(*offer, line.quantity);
    if (!offer->sellable || !amounts || !add_amounts(priced.amounts, *amounts, offer->price.currency)) continue;
    now.amounts = *amounts;
    const bool enough = line.quantity <= stock.available(line.offer_id);
    now.availability = enough ? LineAvailability::available : LineAvailability::out_of_stock;
  }
  return priced;
}

}  // namespace agora::order
