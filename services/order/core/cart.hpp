#pragma once
#include <optional>
#include <string>
#include <vector>

#include "services/order/core/address.hpp"
#include "services/order/core/lines.hpp"

namespace agora::order {

using CartId = Id<struct CartTag>;

/// An open cart may be changed and checked out; one that was checked out stays as it is until it is cleaned away.
enum class CartStatus { open, checked_out };
std::string_view to_string(CartStatus status);
template <>
std::optional<CartStatus> parse_enum(std::string_view name);

/// So many of one offer. What it costs is the offer's business, and read anew with every look.
struct CartLine {
  LineId line_id{};
  OfferId offer_id{};
  std::int64_t position = 0;  ///< 1, 2, 3…; rising, with holes where lines were removed
  std::int64_t quantity = 0;
  std::int64_t price_when_added = 0;  ///< minor units

  friend bool operator==(const CartLine&, const CartLine&) = default;
};

/// What somebody means to buy, of any sellers in one currency. Every change raises `version` by one; it tells nobody.
struct Cart {
  CartId cart_id{};
  UserId user_id{};
  CartStatus status = CartStatus::open;
  std::optional<Currency> currency{};  ///< of its lines; none while it has none
  std::vector<CartLine> lines{};       ///< by position
  Contact contact{};
  std::optional<OrderGroupId> group_id{};  ///< what it became
  std::int64_t version = 1;
  Timestamp created_at{};
  Timestamp updated_at{};

  CartLine* find(const LineId& line_id);

  /// Puts in so many of an offer; more of one that is there already, at today's price.
  /// "No": conflict `cart_closed`, `offer_unavailable`, `mixed_currencies`; invalid_argument `validation_failed`
  /// (`out_of_range`: more than kQuantityMax of an offer, or more than kLinesMax lines; `amount_too_large`).
  Result<void> add(const Offer& offer, std::int64_t quantity, LineId line_id, Timestamp now);
  /// "No": conflict `cart_closed`; not_found `not_found`.
  Result<void> set_quantity(const LineId& line_id, std::int64_t quantity, Timestamp now);
  Result<void> remove(const LineId& line_id, Timestamp now);
  /// "No": conflict `cart_closed`; those of edited().
  Result<void> edit(const ContactEdit& change, Timestamp now);
  /// Becomes an order group. "No": conflict `cart_closed`.
  Result<void> check_out(OrderGroupId into, Timestamp now);

  /// Whether another cart's lines would fit in beside its own.
  bool can_take_in(const Cart& other) const;
  /// Takes over another cart's lines (sums where both have an offer, at most kQuantityMax) and what of its contact is
  /// missing here. Only what can_take_in().
  void take_in(const Cart& other, Timestamp now);
  /// Becomes another buyer's.
  void hand_over(UserId to, Timestamp now);

 private:
  Result<void> check_open() const;
  void touch(Timestamp now);
};

/// Whether a line can be bought as it stands. `unavailable`: its offer is not sold now, or so many cost more than an
/// amount may be; `out_of_stock`: there are not so many.
enum class LineAvailability { available, out_of_stock, unavailable };
std::string_view to_string(LineAvailability availability);

/// A cart as it would be bought now. What is `unavailable` costs nothing.
struct PricedCart {
  struct Line {
    std::optional<Offer> offer{};  ///< none: nothing is known of it any more
    LineAvailability availability = LineAvailability::unavailable;
    Amounts amounts{};
  };

  Cart cart;
  std::vector<Line> lines{};  ///< of the cart's, in order
  Amounts amounts{};          ///< of them together, in the cart's currency
};
PricedCart price(Cart cart, const Assortment& assortment, const StockLevels& stock);

/// What is said of a cart that is not there, or another's; and of a line of it.
Error no_such_cart();

}  // namespace agora::order
