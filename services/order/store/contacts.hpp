#pragma once
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/address.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// Who buys and where it goes: addresses of carts and order groups by the owner's id, e-mails of groups (a cart's
/// stands in its row).

/// What of each owner's contact is kept as addresses; owners without any are not in the result.
std::unordered_map<std::string, Contact> load_addresses(sql::Tx& tx, const std::vector<std::string>& owner_ids);
/// Writes what differs.
void save_addresses(sql::Tx& tx, const std::string& owner_id, const Contact& before, const Contact& after);

/// The contact of a new group; both must outlive the write.
struct GroupContact {
  const OrderGroupId* group_id;
  const UserId* user_id;
  const Contact* contact;
};
/// Inserts those of which anything is known.
void insert_group_contacts(sql::Tx& tx, const std::vector<GroupContact>& contacts);
Contact find_group_contact(sql::Tx& tx, const OrderGroupId& group_id);

/// Deletes every e-mail and address of a user's groups. Of carts: erase_carts().
void erase_group_contacts(sql::Tx& tx, const UserId& user_id);

}  // namespace agora::order
