#pragma once
#include <string_view>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// Something that support did to another's thing.
struct AuditEntry {
  UserId actor;
  std::string_view action;      ///< `order.cancel`; a literal
  std::string_view subject_id;  ///< of what it was done to; must outlive the write
  Timestamp made_at;
};

/// Adds to the audit log, in the transaction of what was done. Nobody can change or delete it.
void write_audit_log(sql::Tx& tx, const std::vector<AuditEntry>& entries);

}  // namespace agora::order
