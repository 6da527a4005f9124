#include "libs/sql/tx.hpp"

#include <cassert>

namespace agora::sql {

void Batch::add(std::initializer_list<Value> row) {
  assert(row.size() == columns_);
  values_.insert(values_.end(), row.begin(), row.end());
}

void Tx::execute_one(const Sql& sql, std::initializer_list<Value> parameters) {
  const auto count = execute(sql, parameters);
  if (count != 1) {
    throw DatabaseError(DatabaseError::Kind::row_count,
                        "expected one row, not " + std::to_string(count) + ": " + sql.sqlite);
  }
}

void Tx::batch(const Batch& batch) {
  if (batch.empty()) return;
  for (const auto count : batch_counts(batch)) {
    if (count != 1) {
      throw DatabaseError(DatabaseError::Kind::row_count,
                          "expected one row each, not " + std::to_string(count) + ": " + batch.sql().sqlite);
    }
  }
}

}  // namespace agora::sql
