#include "services/order/store/audit_log.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kInsert{"INSERT INTO audit_log (actor_id, action, subject_id, made_at) VALUES ($1, $2, $3, $4)"};

}  // namespace

void write_audit_log(sql::Tx& tx, const std::vector<AuditEntry>& entries) {
  sql::Batch batch(kInsert, 4);
  for (const auto& entry : entries) batch.add({entry.actor, entry.action, entry.subject_id, entry.made_at});
  tx.batch(batch);
}

}  // namespace agora::order
