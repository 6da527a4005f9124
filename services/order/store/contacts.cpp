#include "services/order/store/contacts.hpp"

#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

constexpr const char* kShipping = "shipping";
constexpr const char* kBilling = "billing";

#define AGORA_ADDRESS_COLUMNS "owner_id, kind, name, line1, line2, city, region, postal_code, country, phone"
constexpr int kFirstField = 2;

constexpr sql::Sql kAddresses{
    "SELECT " AGORA_ADDRESS_COLUMNS " FROM addresses WHERE owner_id IN (SELECT value FROM json_each($1))",
    "SELECT " AGORA_ADDRESS_COLUMNS " FROM addresses WHERE owner_id IN (SELECT json_array_elements_text($1::json))"};
constexpr sql::Sql kInsertAddress{"INSERT INTO addresses (" AGORA_ADDRESS_COLUMNS
                                  ") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)"};
constexpr sql::Sql kDeleteAddress{"DELETE FROM addresses WHERE owner_id = $1 AND kind = $2"};
constexpr sql::Sql kInsertContact{"INSERT INTO order_contacts (group_id, user_id, email) VALUES ($1, $2, $3)"};
constexpr sql::Sql kFindContact{"SELECT email FROM order_contacts WHERE group_id = $1"};
constexpr sql::Sql kEraseAddresses{
    "DELETE FROM addresses WHERE owner_id IN (SELECT group_id FROM order_contacts WHERE user_id = $1)"};
constexpr sql::Sql kEraseContacts{"DELETE FROM order_contacts WHERE user_id = $1"};

void add(sql::Batch& batch, std::string_view owner_id, const char* kind, const std::optional<Address>& address) {
  if (!address) return;
  batch.add({owner_id, kind, address->name, address->line1, address->line2, address->city, address->region,
             address->postal_code, address->country, address->phone});
}

}  // namespace

std::unordered_map<std::string, Contact> load_addresses(sql::Tx& tx, const std::vector<std::string>& owner_ids) {
  std::unordered_map<std::string, Contact> found;
  if (owner_ids.empty()) return found;
  const auto wanted = json_array(owner_ids);
  auto rows = tx.query(kAddresses, {wanted});
  while (rows.next()) {
    auto& contact = found[std::string(rows.text(0))];
    auto& address = (rows.text(1) == kShipping ? contact.shipping_address : contact.billing_address).emplace();
    int column = kFirstField;
    for (const auto& field : kAddressFields) address.*field.text = rows.optional_text(column++);
  }
  return found;
}

void save_addresses(sql::Tx& tx, const std::string& owner_id, const Contact& before, const Contact& after) {
  sql::Batch gone(kDeleteAddress, 2);
  sql::Batch now(kInsertAddress, 10);
  const auto compare = [&](const char* kind, const auto& old, const auto& current) {
    if (old == current) return;
    if (old) gone.add({owner_id, kind});
    add(now, owner_id, kind, current);
  };
  compare(kShipping, before.shipping_address, after.shipping_address);
  compare(kBilling, before.billing_address, after.billing_address);
  tx.batch(gone);
  tx.batch(now);
}

void insert_group_contacts(sql::Tx& tx, const std::vector<GroupContact>& contacts) {
  sql::Batch rows(kInsertContact, 3);
  sql::Batch addresses(kInsertAddress, 10);
  for (const auto& [group_id, user_id, contact] : contacts) {
    if (*contact == Contact{}) continue;
    rows.add({*group_id, *user_id, contact->email});
    add(addresses, group_id->str(), kShipping, contact->shipping_address);
    add(addresses, group_id->str(), kBilling, contact->billing_address);
  }
  tx.batch(rows);
  tx.batch(addresses);
}

Contact find_group_contact(sql::Tx& tx, const OrderGroupId& group_id) {
  Contact contact;
  {
    auto rows = tx.query(kFindContact, {group_id});
    if (!rows.next()) return contact;
    contact.email = rows.optional_text(0);
  }
  auto found = load_addresses(tx, {group_id.str()});
  auto& addresses = found[group_id.str()];
  contact.shipping_address = std::move(addresses.shipping_address);
  contact.billing_address = std::move(addresses.billing_address);
  return contact;
}

void erase_group_contacts(sql::Tx& tx, const UserId& user_id) {
  tx.execute(kEraseAddresses, {user_id});
  tx.execute(kEraseContacts, {user_id});
}

}  // namespace agora::order
