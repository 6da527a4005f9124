#pragma once
#include "cli/demo_payment.hpp"
#include "cli/demo_stage.hpp"

namespace agora::cli {

/// The people of cli/demo_offers.jsonl.
struct Cast {
  Actor buyer;          ///< u1
  Actor supplier;       ///< u42, of seller s42, who sells o42 and o43
  Actor coast_builder;  ///< u7, of seller s7, who sells o7
};

/// Plays what a marketplace does so far: a cart of two sellers becomes two orders of one checkout, is paid, one is sent
/// and received, of the other a unit is canceled. Throws NotAsItMust at the first thing that is not as it must be.
void play_journey(Stage& stage, const Cast& cast, PaymentStandIn& payment);

}  // namespace agora::cli
