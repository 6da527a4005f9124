// A guest has logged in: what was the guest's is the user's from now on.

#include <algorithm>
#include <tuple>

#include "libs/service/erased_users.hpp"
#include "services/order/store/cart_store.hpp"

namespace agora::order {
namespace {

struct Merged {
  Cart before;
  Cart after;
  bool changed = false;
};

bool is_newer(const Cart& a, const Cart& b) {
  return std::tie(a.created_at, a.cart_id) > std::tie(b.created_at, b.cart_id);
}

/// Where a guest's cart goes: into the newest of the user's that it fits in.
Merged* home_of(std::vector<Merged>& of_user, const Cart& guests) {
  const auto found =
      std::find_if(of_user.begin(), of_user.end(), [&](const Merged& own) { return own.after.can_take_in(guests); });
  return found == of_user.end() ? nullptr : &*found;
}

/// Moves the guest's carts, and gives those of the user that it changed.
std::vector<Cart> move_carts(sql::Tx& tx, const MergeCarts& command) {
  auto carts = lock_open_carts(tx, {command.guest_id, command.user_id});
  std::sort(carts.begin(), carts.end(), is_newer);
  std::vector<Merged> of_user;
  std::vector<Cart> of_guest;
  for (auto& cart : carts) {
    if (cart.user_id == command.user_id) {
      of_user.push_back({cart, cart});
    } else {
      of_guest.push_back(std::move(cart));
    }
  }
  for (auto& cart : of_guest) {
    if (auto* home = home_of(of_user, cart)) {
      home->after.take_in(cart, command.now);
      home->changed = true;
      delete_cart(tx, cart.cart_id);
    } else {
      auto after = cart;
      after.hand_over(command.user_id, command.now);
      of_user.push_back({std::move(cart), std::move(after), true});
    }
  }
  std::vector<Cart> changed;
  for (auto& [before, after, is_changed] : of_user) {
    if (!is_changed) continue;
    save_cart(tx, before, after);
    changed.push_back(std::move(after));
  }
  return changed;
}

}  // namespace

Result<CartAnswer> handle_merge_carts(sql::Tx& tx, const MergeCarts& command, const CartStore::Renderers& renderers) {
  const std::unordered_set<std::string> both{command.guest_id.str(), command.user_id.str()};
  service::keep_from_erasure(tx, both);
  KeyedAnswers answers(tx, {command.key}, command.now);
  bool decided = false;
  answers.decide(0, [&]() -> Result<void> {
    if (!service::erased_among(tx, both).empty()) return service::erased_user_error();
    decided = true;
    return {};
  });
  if (decided) {
    sql::rename_principal(tx, command.guest_id.str(), command.user_id.str());
    answers.accept(0, {200, {}, renderers.carts(price_carts(tx, move_carts(tx, command)))});
  }
  auto results = answers.finish();
  if (!results.front()) return std::move(results.front()).error();
  return CartAnswer{std::move(results.front()).value()};
}

}  // namespace agora::order
