#pragma once
#include <string>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "libs/json/document.hpp"
#include "libs/sql/tx.hpp"
#include "services/order/store/replicas.hpp"

namespace agora::order {

/// An event as order's consumers take it: the envelope read, the data bound once the type says to what.
struct IncomingEvent {
  std::string type;     ///< `offer.created`
  std::string subject;  ///< aggregate id
  SourceVersion source;
  json::Document envelope;  ///< has an object `data`
};

/// Applies a state of catalog or auth (`offer.*`, `product.*`, `seller.*`, `user.*`) in a transaction. Repeating it is
/// harmless. "No": validation_failed when the data is not what the type says. A type of no concern is passed over.
Result<void> on_event(sql::Tx& tx, const IncomingEvent& event, Timestamp now);

}  // namespace agora::order
