// Placing: all that waited is decided together, in queue order, and written in one transaction.

#include "libs/service/erased_users.hpp"
#include "libs/sql/faults.hpp"
#include "services/order/store/contacts.hpp"
#include "services/order/store/holding.hpp"
#include "services/order/store/order_store.hpp"
#include "services/order/store/rows.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

std::unordered_set<std::string> buyers_of(std::span<const PlaceCommand> commands) {
  std::unordered_set<std::string> user_ids;
  for (const auto& command : commands) user_ids.insert(command.order.user_id.str());
  return user_ids;
}

bool says_who(const ContactEdit& contact) {
  return contact.email.given || contact.shipping_address.given || contact.billing_address.given;
}

/// Those of whom something is written that an erasure must find.
std::unordered_set<std::string> known_by_name(std::span<const PlaceCommand> commands) {
  std::unordered_set<std::string> user_ids;
  for (const auto& command : commands) {
    if (says_who(command.contact)) user_ids.insert(command.order.user_id.str());
  }
  return user_ids;
}

struct Accepted {
  std::size_t index;
  Placed placed;
  Contact contact;
};

}  // namespace

std::vector<Result<Answered>> handle_place(sql::Tx& tx, std::span<const PlaceCommand> commands,
                                           OrderStore::RenderOrder render_order) {
  const auto now = commands.back().order.now;
  service::keep_from_erasure(tx, known_by_name(commands));
  KeyedAnswers answers(tx, keys_of(commands), now);
  const auto buyers = buyers_of(commands);
  const auto erased = service::erased_among(tx, buyers);
  std::vector<const LineRequests*> wanted;
  for (const auto& command : commands) wanted.push_back(&command.order.lines);
  auto held = hold(tx, wanted, buyers);

  std::vector<Accepted> accepted;
  accepted.reserve(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    answers.decide(i, [&]() -> Result<void> {
      // Since its token was looked at, while it waited.
      if (erased.contains(commands[i].order.user_id.str())) return service::erased_user_error();
      AGORA_TRY(auto contact, edited(Contact{}, commands[i].contact));
      AGORA_TRY(auto placed, place(commands[i].order, held.assortment, held.stock));
      accepted.push_back({i, std::move(placed), std::move(contact)});
      return {};
    });
  }
  AGORA_CRASH_POINT("order.place.decided");

  std::vector<OrderGroup*> groups;
  std::vector<Order*> orders;
  std::vector<GroupContact> contacts;
  for (auto& [index, placed, contact] : accepted) {
    groups.push_back(&placed.group);
    orders.push_back(&placed.order);
    contacts.push_back({&placed.group.group_id, &placed.group.user_id, &contact});
  }
  insert_groups(tx, groups);
  insert_orders(tx, orders);
  insert_group_contacts(tx, contacts);

  Outbox outbox(now, commands.back().trace);
  for (auto& [index, placed, contact] : accepted) {
    outbox.order_group_placed(placed.group, {&placed.order}, commands[index].trace);
    outbox.order_placed(placed.order, commands[index].trace);
    answers.accept(index, {201, "/api/v1/orders/" + placed.order.order_id.str(), render_order(placed.order)});
  }
  save_stock(tx, held.stock, outbox);
  outbox.write(tx);
  auto results = answers.finish();
  AGORA_CRASH_POINT("order.place.written");
  return results;
}

}  // namespace agora::order
