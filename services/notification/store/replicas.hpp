#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/notification/core/types.hpp"

namespace agora::notification {

/// Which state of a subject. From a consumer it is known to be the newer one; otherwise (--offers, read at every start)
/// it replaces an older one of the same log only.
struct SourceVersion {
  std::string log_id{};
  std::int64_t version = 0;
  bool known_newer = false;
};

/// Whom we write to, as auth publishes them.
struct UserState {
  UserId user_id{};
  std::optional<std::string> email{};
  std::optional<std::string> display_name{};
  std::optional<std::string> locale{};  ///< `de`, `de-AT`
};

/// A seller as catalog publishes it, and who acts for it.
struct SellerState {
  struct Member {
    UserId user_id{};
    std::string role{};
  };
  SellerId seller_id{};
  std::string name{};
  std::vector<Member> members{};
};

/// Stores a state where it replaces the one that is there; else nothing changes. Repeating one is harmless. An erased
/// user stays erased.
void apply(sql::Tx& tx, const UserState& user, const SourceVersion& source);
void apply(sql::Tx& tx, const SellerState& seller, const SourceVersion& source);

/// Forgets a user for good: address, name, memberships, and all that they were told. `version`: of the tombstone.
void erase_user(sql::Tx& tx, const UserId& user_id, std::int64_t version);

/// Who acts for a seller, by user id; none when the seller is not known.
std::optional<std::vector<UserId>> members_of(sql::Tx& tx, const SellerId& seller_id);

}  // namespace agora::notification
