#pragma once
#include <span>
#include <string>
#include <string_view>

#include "libs/sql/tx.hpp"

namespace agora::sql {

/// One step of a schema: forward only, never edited once landed (its checksum is compared at every start).
struct Migration {
  int number;             ///< 1, 2, 3, …
  std::string_view name;  ///< file name without `.sql`: `0001_orders`
  std::string_view text;  ///< statements; lines between `-- only: sqlite` or `-- only: postgresql` and `-- end` run on that engine alone
};

/// The text of a migration for one engine: foreign `-- only:` blocks left out. Throws std::invalid_argument on an unbalanced block.
std::string text_for(Engine engine, std::string_view text);

}  // namespace agora::sql
