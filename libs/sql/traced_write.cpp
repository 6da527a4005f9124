#include "libs/sql/traced_write.hpp"

namespace agora::sql {

void TracedWrite::begin(Engine engine, const TraceContext& trace, std::string_view name) {
  using Kind = telemetry::TraceSpan::Kind;
  // A database in this process is nobody else's.
  const bool is_sqlite = engine == Engine::sqlite;
  span_ = tracer_.begin_under(trace, std::string(name), is_sqlite ? Kind::internal : Kind::client);
  span_->attributes.emplace_back("db.system.name", is_sqlite ? "sqlite" : "postgresql");
  queued_ = std::chrono::steady_clock::now();
}

void TracedWrite::end() {
  span_->failed = member_.error != nullptr;
  if (member_.group_size > 0) {
    const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(member_.taken - queued_);
    span_->attributes.emplace_back("agora.sql.waited_microseconds", std::int64_t{waited.count()});
    span_->attributes.emplace_back("agora.sql.group_size", member_.group_size);
  }
  tracer_.tell(*std::move(span_));
}

}  // namespace agora::sql
