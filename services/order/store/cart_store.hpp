#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/cart.hpp"
#include "services/order/store/cart_rows.hpp"
#include "services/order/store/keyed_answers.hpp"

namespace agora::order {

/// Begins a cart.
struct CreateCart {
  CartId cart_id;
  UserId user_id;
  ContactEdit contact{};
  std::int64_t carts_max = 0;  ///< open ones that a buyer may have
  Timestamp now{};
  std::optional<sql::IdempotencyKey> key{};
};

/// What can be done to a cart.
struct AddLine {
  LineRequest line;  ///< without a price
};
struct SetQuantity {
  LineId line_id;
  std::int64_t quantity;
};
struct RemoveLine {
  LineId line_id;
};
using CartEdit = std::variant<AddLine, SetQuantity, RemoveLine, ContactEdit>;

struct ChangeCart {
  CartId cart_id;
  UserId user_id;
  CartEdit edit;
  std::optional<std::vector<std::int64_t>> if_match{};  ///< versions of which the cart must have one; none: any
  Timestamp now{};
  std::optional<sql::IdempotencyKey> key{};
};

/// Makes a guest's carts, and the answers to a guest's keys, a user's.
struct MergeCarts {
  UserId guest_id;
  UserId user_id;
  Timestamp now{};
  std::optional<sql::IdempotencyKey> key{};
};

struct CartAnswer {
  Answered answered;
  std::int64_t version = 0;  ///< of the cart; 0 where an earlier answer is repeated
};
struct CartPage {
  std::vector<PricedCart> carts{};
  bool has_more = false;
};

/// Carts. Each change is a work of its own: key, cart, lines and answer in one transaction. Thread-safe. `database`
/// must outlive it.
class CartStore {
 public:
  /// Write the answers that a key must repeat to the byte.
  struct Renderers {
    std::string (*cart)(const PricedCart&);
    std::string (*carts)(const std::vector<PricedCart>&);
  };

  CartStore(sql::Database& database, Renderers renderers) : database_(database), renderers_(renderers) {}

  /// All of them, "no": `idempotency_key_reused`; `invalid_token` when the user was erased while it waited.
  /// "No": conflict `too_many_carts`; those of edited().
  Task<Result<CartAnswer>> create(Ctx ctx, CreateCart command);
  /// "No": not_found `not_found` (also another's); precondition_failed; those of Cart's functions; of a line to add
  /// those of choose_offers() and check_buyer().
  Task<Result<CartAnswer>> change(Ctx ctx, ChangeCart command);
  /// The carts of the user that took in a guest's, or were one.
  Task<Result<CartAnswer>> merge(Ctx ctx, MergeCarts command);

  Task<std::optional<PricedCart>> find(Ctx ctx, CartId cart_id);
  Task<CartPage> list(Ctx ctx, UserId user_id, std::optional<CartPosition> after, int limit);
  /// Deletes at most `limit` carts that nobody has touched since; how many went.
  Task<std::int64_t> delete_stale(Ctx ctx, Timestamp untouched_since, int limit);

 private:
  sql::Database& database_;
  Renderers renderers_;
};

/// The works. Called inside a transaction.
Result<CartAnswer> handle_create_cart(sql::Tx& tx, const CreateCart& command, const CartStore::Renderers& renderers);
Result<CartAnswer> handle_change_cart(sql::Tx& tx, const ChangeCart& command, const CartStore::Renderers& renderers);
Result<CartAnswer> handle_merge_carts(sql::Tx& tx, const MergeCarts& command, const CartStore::Renderers& renderers);

}  // namespace agora::order
