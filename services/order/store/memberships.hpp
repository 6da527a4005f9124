#pragma once
#include "libs/sql/tx.hpp"
#include "services/order/core/caller.hpp"

namespace agora::order {

/// Whether a user may act for a seller, as catalog tells it.
bool is_member(sql::Tx& tx, const SellerId& seller_id, const UserId& user_id);

}  // namespace agora::order
