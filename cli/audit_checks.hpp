#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/audit_report.hpp"
#include "libs/sql/tx.hpp"

namespace agora::cli {

/// One promise as a query: it answers the rows that break it, their id and a sentence about each. The queries are the
/// audit's own: they share nothing with the code they check.
struct Rule {
  std::string_view invariant;
  std::string_view id_name;
  sql::Sql broken;
};
void check(sql::Tx& tx, std::span<const Rule> rules, Report& report);

/// What a query without parameters counts.
std::int64_t count(sql::Tx& tx, const sql::Sql& query);

/// What is checked of a service's database, one file of code per group of invariants. Inside one snapshot.
void audit_file(sql::Tx& tx, Report& report);  ///< the engine's own check
void audit_order_history(sql::Tx& tx, const std::optional<std::filesystem::path>& history, Report& report);  ///< I1, I2
void audit_order_stock(sql::Tx& tx, Report& report);                                                         ///< I4
void audit_order_events(sql::Tx& tx, Report& report);        ///< I8: the log is whole
void audit_order_told(sql::Tx& tx, Report& report);          ///< I8: events tell what the rows hold
void audit_order_states(sql::Tx& tx, Report& report);        ///< I9
void audit_order_fulfillments(sql::Tx& tx, Report& report);  ///< I9: what is on its way
void audit_order_amounts(sql::Tx& tx, Report& report);       ///< I10
void audit_inbox(sql::Tx& tx, Report& report);               ///< what a consumer has put aside
void audit_notifications(sql::Tx& tx, Report& report);       ///< I7

/// The services whose logs a service consumes, as contracts/events has it.
std::vector<std::string> publishers_for(std::string_view service);
/// I8 and I7, the reading side of one publisher's log. `publishers`: its database, on a snapshot taken after ours;
/// null: it is not at hand.
void audit_delivery(sql::Tx& tx, sql::Tx* publishers, const std::string& publisher, std::string_view service,
                    Report& report);

}  // namespace agora::cli
