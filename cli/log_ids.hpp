#pragma once
#include <optional>
#include <string>

#include "libs/sql/tx.hpp"

namespace agora::cli {

/// Gives the log of a database that was put back another id, as its numbers will mean other events than those that were
/// read. Consumers that read the old one stop until they are rebuilt; a relay publishes what is kept once more, under
/// the new id. The new id; none: the database has no log that services consume. What people follow gets another id,
/// too.
std::optional<std::string> renew_log_id(sql::Tx& tx);

}  // namespace agora::cli
