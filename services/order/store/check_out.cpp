// Checking out: what waits is decided together, in queue order: carts closed, groups and orders written, stock
// reserved, in one transaction.

#include <algorithm>

#include "libs/service/erased_users.hpp"
#include "libs/sql/faults.hpp"
#include "services/order/store/cart_rows.hpp"
#include "services/order/store/contacts.hpp"
#include "services/order/store/holding.hpp"
#include "services/order/store/order_store.hpp"
#include "services/order/store/outbox.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

/// The carts that are to be checked out: as they were locked, and as decisions leave them.
class LockedCarts {
 public:
  LockedCarts(sql::Tx& tx, std::span<const CheckOutCommand> commands) : tx_(tx) {
    std::vector<CartId> cart_ids;
    for (const auto& command : commands) {
      if (command.cart) cart_ids.push_back(command.cart->cart_id);
    }
    before_ = lock_carts(tx, cart_ids);
    after_ = before_;
  }

  const std::vector<Cart>& all() const { return after_; }

  /// The cart that a command may check out. "No": not_found, conflict `cart_closed`, `cart_changed`, `cart_empty`.
  Result<Cart*> find(const CheckOutCommand& command) {
    const auto found = std::find_if(after_.begin(), after_.end(),
                                    [&](const Cart& cart) { return cart.cart_id == command.cart->cart_id; });
    if (found == after_.end() || found->user_id != command.checkout.user_id) return no_such_cart();
    if (found->group_id) {
      Error error{Errc::conflict, "cart_closed", "The cart was checked out."};
      error.details.push_back({"order_group_id", found->group_id->str()});
      return error;
    }
    if (found->version != command.cart->version) {
      return Error{Errc::conflict, "cart_changed", "The cart is another than the buyer saw; nothing was ordered."};
    }
    if (found->lines.empty()) return Error{Errc::conflict, "cart_empty", "There is nothing in the cart."};
    return &*found;
  }

  void save() {
    for (std::size_t i = 0; i < after_.size(); ++i) {
      if (after_[i].version != before_[i].version) save_cart(tx_, before_[i], after_[i]);
    }
  }

 private:
  sql::Tx& tx_;
  std::vector<Cart> before_{};
  std::vector<Cart> after_{};
};

std::unordered_set<std::string> buyers_of(std::span<const CheckOutCommand> commands) {
  std::unordered_set<std::string> user_ids;
  for (const auto& command : commands) user_ids.insert(command.checkout.user_id.str());
  return user_ids;
}

struct Accepted {
  std::size_t index;
  CheckedOut checked_out;
  Contact contact;
};

/// What one command wants, now that its cart is known.
Result<CheckOut> complete(const CheckOutCommand& command, const Cart* cart) {
  auto checkout = command.checkout;
  if (cart != nullptr) checkout.lines = lines_of(*cart);
  AGORA_TRY(auto contact, edited(cart == nullptr ? Contact{} : cart->contact, command.contact));
  checkout.contact = std::move(contact);
  return checkout;
}

void write(sql::Tx& tx, std::vector<Accepted>& accepted) {
  std::vector<OrderGroup*> groups;
  std::vector<Order*> orders;
  std::vector<GroupContact> contacts;
  for (auto& [index, out, contact] : accepted) {
    groups.push_back(&out.group);
    for (auto& order : out.orders) orders.push_back(&order);
    contacts.push_back({&out.group.group_id, &out.group.user_id, &contact});
  }
  insert_groups(tx, groups);
  insert_orders(tx, orders);
  insert_group_contacts(tx, contacts);
}

}  // namespace

std::vector<Result<Answered>> handle_check_out(sql::Tx& tx, std::span<const CheckOutCommand> commands,
                                               OrderStore::RenderGroup render_group) {
  const auto& last = commands.back();
  const auto buyers = buyers_of(commands);
  service::keep_from_erasure(tx, buyers);
  KeyedAnswers answers(tx, keys_of(commands), last.checkout.now);
  const auto erased = service::erased_among(tx, buyers);
  LockedCarts carts(tx, commands);
  std::vector<LineRequests> of_carts;
  for (const auto& cart : carts.all()) of_carts.push_back(lines_of(cart));
  std::vector<const LineRequests*> wanted;
  for (const auto& lines : of_carts) wanted.push_back(&lines);
  for (const auto& command : commands) wanted.push_back(&command.checkout.lines);
  auto held = hold(tx, wanted, buyers);

  std::vector<Accepted> accepted;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    answers.decide(i, [&]() -> Result<void> {
      const auto& command = commands[i];
      if (erased.contains(command.checkout.user_id.str())) return service::erased_user_error();
      Cart* cart = nullptr;
      if (command.cart) {
        AGORA_TRY(cart, carts.find(command));
      }
      AGORA_TRY(auto checkout, complete(command, cart));
      AGORA_TRY(auto checked_out, check_out(checkout, held.assortment, held.stock));
      if (cart != nullptr) AGORA_TRY_VOID(cart->check_out(checkout.group_id, checkout.now));
      accepted.push_back({i, std::move(checked_out), std::move(checkout.contact)});
      return {};
    });
  }
  AGORA_CRASH_POINT("order.checkout.decided");

  carts.save();
  write(tx, accepted);
  Outbox outbox(last.checkout.now, last.trace);
  for (auto& [index, out, contact] : accepted) {
    outbox.order_group_placed(out.group, view(out.orders), commands[index].trace);
    for (const auto& order : out.orders) outbox.order_placed(order, commands[index].trace);
    const auto location = "/api/v1/order-groups/" + out.group.group_id.str();
    GroupWithOrders whole{std::move(out.group), std::move(out.orders), std::move(contact)};
    answers.accept(index, {201, location, render_group(whole)});
  }
  save_stock(tx, held.stock, outbox);
  outbox.write(tx);
  auto results = answers.finish();
  AGORA_CRASH_POINT("order.checkout.written");
  return results;
}

}  // namespace agora::order
