// Beginning and changing a cart: loaded, changed by its own rules, saved, answered.

#include <algorithm>

#include "libs/service/erased_users.hpp"
#include "services/order/store/cart_store.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

/// The offer that a line to add means, and whether this buyer may have it.
Result<Offer> offer_to_add(sql::Tx& tx, const LineRequest& line, const UserId& buyer) {
  std::vector<OfferId> offer_ids;
  std::vector<ProductId> product_ids;
  if (line.offer_id) offer_ids.push_back(*line.offer_id);
  if (line.product_id) product_ids.push_back(*line.product_id);
  auto assortment = load_assortment(tx, offer_ids, product_ids);
  load_memberships(tx, {buyer.str()}, assortment);
  std::vector<OfferId> candidates;
  for (const auto& [offer_id, offer] : assortment.offers()) candidates.push_back(offer_id);
  const LineRequests lines{line};
  AGORA_TRY(const auto chosen, choose_offers(lines, assortment, read_stock(tx, candidates)));
  AGORA_TRY_VOID(check_buyer(lines, chosen, buyer, assortment));
  return *chosen.front();
}

/// Applies one edit; true when it made something new, which is answered 201.
class Editor {
 public:
  Editor(sql::Tx& tx, Cart& cart, Timestamp now) : tx_(tx), cart_(cart), now_(now) {}

  Result<bool> operator()(const AddLine& edit) const {
    auto line = edit.line;
    if (cart_.currency) line.currency = cart_.currency;
    AGORA_TRY(const auto offer, offer_to_add(tx_, line, cart_.user_id));
    const auto lines_before = cart_.lines.size();
    AGORA_TRY_VOID(cart_.add(offer, line.quantity, line.line_id, now_));
    return cart_.lines.size() > lines_before;
  }
  Result<bool> operator()(const SetQuantity& edit) const {
    AGORA_TRY_VOID(cart_.set_quantity(edit.line_id, edit.quantity, now_));
    return false;
  }
  Result<bool> operator()(const RemoveLine& edit) const {
    AGORA_TRY_VOID(cart_.remove(edit.line_id, now_));
    return false;
  }
  Result<bool> operator()(const ContactEdit& edit) const {
    AGORA_TRY_VOID(cart_.edit(edit, now_));
    return false;
  }

 private:
  sql::Tx& tx_;
  Cart& cart_;
  Timestamp now_;
};

Result<CartAnswer> first(std::vector<Result<Answered>> results, std::int64_t version) {
  auto& result = results.front();
  if (!result) return std::move(result).error();
  const bool replayed = result->replayed;
  return CartAnswer{std::move(result).value(), replayed ? 0 : version};
}

std::string location_of(const CartId& cart_id) {
  return "/api/v1/carts/" + cart_id.str();
}

}  // namespace

Result<CartAnswer> handle_create_cart(sql::Tx& tx, const CreateCart& command, const CartStore::Renderers& renderers) {
  const std::unordered_set<std::string> buyer{command.user_id.str()};
  service::keep_from_erasure(tx, buyer);
  KeyedAnswers answers(tx, {command.key}, command.now);
  std::optional<Cart> created;
  answers.decide(0, [&]() -> Result<void> {
    if (!service::erased_among(tx, buyer).empty()) return service::erased_user_error();
    if (count_open_carts(tx, command.user_id) >= command.carts_max) {
      return Error{Errc::conflict, "too_many_carts", "The buyer has as many open carts as one may have."};
    }
    AGORA_TRY(auto contact, edited(Contact{}, command.contact));
    created = Cart{.cart_id = command.cart_id,
                   .user_id = command.user_id,
                   .contact = std::move(contact),
                   .created_at = command.now,
                   .updated_at = command.now};
    return {};
  });
  if (created) {
    insert_cart(tx, *created);
    answers.accept(0, {201, location_of(command.cart_id), renderers.cart(price_cart(tx, *created))});
  }
  return first(answers.finish(), 1);
}

Result<CartAnswer> handle_change_cart(sql::Tx& tx, const ChangeCart& command, const CartStore::Renderers& renderers) {
  const std::unordered_set<std::string> buyer{command.user_id.str()};
  service::keep_from_erasure(tx, buyer);
  KeyedAnswers answers(tx, {command.key}, command.now);
  std::vector<Cart> before;
  std::optional<Cart> after;
  bool made = false;
  answers.decide(0, [&]() -> Result<void> {
    if (!service::erased_among(tx, buyer).empty()) return service::erased_user_error();
    before = lock_carts(tx, {command.cart_id});
    if (before.empty() || before.front().user_id != command.user_id) return no_such_cart();
    auto cart = before.front();
    if (command.if_match &&
        std::find(command.if_match->begin(), command.if_match->end(), cart.version) == command.if_match->end()) {
      return Error{Errc::precondition_failed, "precondition_failed", "The cart has another version by now."};
    }
    AGORA_TRY(made, std::visit(Editor(tx, cart, command.now), command.edit));
    after = std::move(cart);
    return {};
  });
  if (after) {
    save_cart(tx, before.front(), *after);
    const auto location = made ? location_of(command.cart_id) + "/items/" + after->lines.back().line_id.str() : "";
    answers.accept(0, {made ? 201 : 200, location, renderers.cart(price_cart(tx, *after))});
  }
  return first(answers.finish(), after ? after->version : 0);
}

}  // namespace agora::order
