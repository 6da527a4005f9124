#pragma once
#include <span>
#include <string>
#include <string_view>

#include "libs/sql/tx.hpp"

namespace agora::sql {

/// One step of a schema: forward only, never edited once landed (its checksum is compared at every start).
struct Migration {
  int number;             ///< 1, 2, 3, …
  std::string_view name;  ///< file name without `.sql`: `0002_orders`
  std::string_view text;  ///< statements; lines between `-- only: sqlite` or `-- only: postgresql` and `-- end` run on
                          ///< that engine alone
};

/// The text of a migration for one engine: blocks of the other left out, and `COLLATE "C"` on SQLite, which always
/// compares bytewise. Throws std::invalid_argument on an unbalanced block.
std::string text_for(Engine engine, std::string_view text);

/// Applies what is missing, in order, in this transaction; nobody else may be at it. Throws DatabaseError failed when a
/// landed migration's text differs (drift), or the database has steps that are not among these (it is newer than the
/// program).
void apply_migrations(Tx& tx, std::span<const Migration> migrations);

}  // namespace agora::sql
