#pragma once
#include <array>

#include "libs/events/schema.hpp"
#include "libs/sql/lease.hpp"
#include "libs/sql/migrations.hpp"

namespace agora::events {

/// All that a publisher's database has.
inline const std::array<sql::Migration, 4> kLogMigrations{{{1, "outbox", kOutboxSchema},
                                                           {2, "log", kLogSchema},
                                                           {3, "numbering", kNumberingSchema},
                                                           {4, "leases", sql::kLeasesSchema}}};

}  // namespace agora::events
