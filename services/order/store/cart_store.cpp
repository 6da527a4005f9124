#include "services/order/store/cart_store.hpp"

namespace agora::order {

Task<Result<CartAnswer>> CartStore::create(Ctx ctx, CreateCart command) {
  auto work = [command = std::move(command), renderers = renderers_](sql::Tx& tx) {
    return handle_create_cart(tx, command, renderers);
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<Result<CartAnswer>> CartStore::change(Ctx ctx, ChangeCart command) {
  auto work = [command = std::move(command), renderers = renderers_](sql::Tx& tx) {
    return handle_change_cart(tx, command, renderers);
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<Result<CartAnswer>> CartStore::merge(Ctx ctx, MergeCarts command) {
  auto work = [command = std::move(command), renderers = renderers_](sql::Tx& tx) {
    return handle_merge_carts(tx, command, renderers);
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<std::optional<PricedCart>> CartStore::find(Ctx ctx, CartId cart_id) {
  auto work = [id = std::move(cart_id)](sql::Tx& tx) -> std::optional<PricedCart> {
    auto cart = find_cart(tx, id);
    if (!cart) return std::nullopt;
    return price_cart(tx, *std::move(cart));
  };
  return database_.get(std::move(ctx), std::move(work));
}

Task<CartPage> CartStore::list(Ctx ctx, UserId user_id, std::optional<CartPosition> after, int limit) {
  auto work = [user_id = std::move(user_id), after = std::move(after), limit](sql::Tx& tx) {
    auto carts = list_open_carts(tx, user_id, after, limit + 1);
    CartPage page{.has_more = carts.size() > static_cast<std::size_t>(limit)};
    if (page.has_more) carts.pop_back();
    page.carts = price_carts(tx, std::move(carts));
    return page;
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<std::int64_t> CartStore::delete_stale(Ctx ctx, Timestamp untouched_since, int limit) {
  auto work = [untouched_since, limit](sql::Tx& tx) { return delete_stale_carts(tx, untouched_since, limit); };
  return database_.write(std::move(ctx), std::move(work));
}

}  // namespace agora::order
