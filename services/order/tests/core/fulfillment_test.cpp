#include "services/order/core/fulfillment.hpp"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "services/order/core/cancellation.hpp"
#include "services/order/core/fulfilling.hpp"

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'000)};
constexpr std::array kAllStates{FulfillmentState::packed, FulfillmentState::shipped, FulfillmentState::delivered,
                                FulfillmentState::canceled};

/// Paid for: three of one line, two of another.
Order order(OrderStatus status = OrderStatus::confirmed) {
  Order made{.order_id = OrderId("o"),
             .number = "N",
             .group_id = OrderGroupId("g"),
             .user_id = UserId("u"),
             .seller_id = SellerId("s"),
             .currency = Currency::from_code("USD").value(),
             .status = status,
             .payment_status = PaymentStatus::captured};
  made.lines.push_back({.line_id = LineId("a"), .offer_id = OfferId("x"), .quantity = 3});
  made.lines.push_back({.line_id = LineId("b"), .offer_id = OfferId("y"), .quantity = 2});
  return made;
}

Fulfillment& packed(Order& of, std::vector<LineToPack> lines) {
  const auto id = "f" + std::to_string(of.fulfillments.size());
  return *pack(of, FulfillmentId(id), std::move(lines), std::nullopt, kNow).value();
}
FulfillmentEdit to(FulfillmentState state) {
  return {.state = state};
}
FulfillmentEdit tracked(const char* number) {
  return {.tracking = {true, TrackingEdit{.carrier = {true, "DHL"}, .number = {true, number}}}};
}
/// One whose state is `state`, by the way that leads there.
Fulfillment& in_state(Order& of, FulfillmentState state) {
  auto& made = packed(of, {{LineId("a"), 2}});
  using enum FulfillmentState;
  if (state == shipped || state == delivered) {
    EXPECT_TRUE(change(of, made, to(shipped), kNow).has_value());
  }
  if (state == delivered || state == canceled) {
    EXPECT_TRUE(change(of, made, to(state), kNow).has_value());
  }
  EXPECT_EQ(made.state, state);
  return made;
}

TEST(FulfillmentTable, AllowsJustTheLegalChanges) {
  using enum FulfillmentState;
  const std::vector<std::pair<FulfillmentState, FulfillmentState>> legal{
      {packed, shipped}, {packed, canceled}, {shipped, delivered}};
  for (const auto from : kAllStates) {
    for (const auto next : kAllStates) {
      const auto what = std::string(to_string(from)) + " to " + std::string(to_string(next));
      const bool expected = std::find(legal.begin(), legal.end(), std::pair(from, next)) != legal.end();
      EXPECT_EQ(is_legal(from, next), expected) << what;
      auto o = order();
      auto& f = in_state(o, from);
      const auto version = o.version;
      const auto result = change(o, f, to(next), kNow + std::chrono::seconds(1));
      if (expected) {
        EXPECT_TRUE(result.has_value()) << what;
        EXPECT_EQ(f.state, next) << what;
        EXPECT_EQ(o.version, version + 1) << what;
        EXPECT_EQ(f.updated_at, kNow + std::chrono::seconds(1)) << what;
      } else if (from == next) {
        EXPECT_EQ(result.value(), FulfillmentChange::nothing) << what;
        EXPECT_EQ(o.version, version) << "what is asked for again is nothing new: " << what;
      } else {
        EXPECT_EQ(result.error().code, "illegal_transition") << what;
        EXPECT_EQ(f.state, from) << what;
        EXPECT_EQ(o.version, version) << what;
      }
    }
  }
}

TEST(FulfillmentTable, NamesComeBackAsTheyWent) {
  for (const auto state : kAllStates) EXPECT_EQ(parse_enum<FulfillmentState>(to_string(state)), state);
  for (const auto* text : {"", "Packed", "cancelled", "0"}) EXPECT_FALSE(parse_enum<FulfillmentState>(text)) << text;
}

TEST(Pack, HoldsItsUnits) {
  auto o = order();
  const auto& f = packed(o, {{LineId("a"), 2}, {LineId("b"), 2}});
  EXPECT_EQ(f.state, FulfillmentState::packed);
  EXPECT_EQ(f.created_at, kNow);
  EXPECT_EQ(o.lines[0].fulfilled_quantity, 2);
  EXPECT_EQ(o.lines[0].unfulfilled_quantity(), 1);
  EXPECT_EQ(o.lines[1].unfulfilled_quantity(), 0);
  EXPECT_EQ(o.lines[0].reserved_quantity(), 3) << "what is packed is still here";
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::partially_fulfilled);
  EXPECT_EQ(o.version, 2);
}

TEST(Pack, IsOfAConfirmedOrderAlone) {
  for (const auto status : {OrderStatus::pending, OrderStatus::completed, OrderStatus::canceled}) {
    auto o = order(status);
    EXPECT_EQ(pack(o, FulfillmentId("f"), {{LineId("a"), 1}}, std::nullopt, kNow).error().code, "not_fulfillable");
    EXPECT_EQ(o.version, 1);
    EXPECT_TRUE(o.fulfillments.empty());
  }
}

TEST(Pack, HasNoMoreThanIsLeft) {
  auto o = order();
  o.lines[1].canceled_quantity = 1;
  packed(o, {{LineId("a"), 2}});
  const auto error =
      pack(o, FulfillmentId("f"), {{LineId("a"), 2, "/items/0"}, {LineId("b"), 2, "/items/1"}}, std::nullopt, kNow)
          .error();
  EXPECT_EQ(error.errc, Errc::conflict);
  EXPECT_EQ(error.code, "too_many_units");
  ASSERT_EQ(error.fields.size(), 2U);
  EXPECT_EQ(error.fields[0].pointer, "/items/0/quantity");
  EXPECT_EQ(error.fields[1].pointer, "/items/1/quantity");
  EXPECT_EQ(o.version, 2);
  packed(o, {{LineId("a"), 1}, {LineId("b"), 1}});
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::fulfilled);
}

TEST(Pack, NamesLinesThatAreNone) {
  auto o = order();
  const auto error = pack(o, FulfillmentId("f"),
                          {{LineId("a"), 1, "/items/0"}, {LineId("c"), 1, "/items/1"}, {LineId("a"), 1, "/items/2"}},
                          std::nullopt, kNow)
                         .error();
  EXPECT_EQ(error.errc, Errc::invalid_argument);
  ASSERT_EQ(error.fields.size(), 2U);
  EXPECT_EQ(error.fields[0].code, "unknown_line");
  EXPECT_EQ(error.fields[1].code, "duplicate_line");
  EXPECT_EQ(error.fields[1].pointer, "/items/2/line_id");
}

TEST(Pack, HasNoLessThanNothingLeft) {
  auto o = order();
  packed(o, {{LineId("a"), 3}});
  o.lines[0].canceled_quantity = 1;
  const auto error = pack(o, FulfillmentId("f"), {{LineId("a"), 1}}, std::nullopt, kNow).error();
  ASSERT_EQ(error.fields.size(), 1U);
  EXPECT_EQ(error.fields[0].message, "is more than the 0 left");
}

TEST(Pack, AnOrderHasSoManyFulfillmentsAtMost) {
  auto o = order();
  o.lines[0].quantity = 1'000;
  const auto refused = [&] {
    const auto version = o.version;
    const auto result = pack(o, FulfillmentId("more"), {{LineId("a"), 1}}, std::nullopt, kNow);
    if (result) return false;
    EXPECT_EQ(result.error().errc, Errc::conflict);
    EXPECT_EQ(result.error().code, "too_many_fulfillments");
    EXPECT_EQ(o.version, version);
    return true;
  };
  for (std::size_t i = 0; i < kFulfillmentsMax; ++i) packed(o, {{LineId("a"), 1}});
  EXPECT_TRUE(refused());
  while (o.fulfillments.size() < kFulfillmentsEverMax) {
    ASSERT_TRUE(change(o, o.fulfillments.back(), to(FulfillmentState::canceled), kNow).has_value());
    packed(o, {{LineId("a"), 1}});
  }
  ASSERT_TRUE(change(o, o.fulfillments.back(), to(FulfillmentState::canceled), kNow).has_value());
  EXPECT_TRUE(refused()) << "not even in the place of one that was canceled";
}

TEST(Change, CanceledUnitsCanBePackedAgain) {
  auto o = order();
  auto& f = packed(o, {{LineId("a"), 3}});
  EXPECT_EQ(change(o, f, to(FulfillmentState::canceled), kNow).value(), FulfillmentChange::canceled);
  EXPECT_EQ(f.canceled_at, kNow);
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::not_fulfilled);
  packed(o, {{LineId("a"), 3}});
}

TEST(Change, ShippedUnitsAreReservedNoMore) {
  auto o = order();
  auto& f = packed(o, {{LineId("a"), 2}});
  ASSERT_EQ(change(o, f, to(FulfillmentState::shipped), kNow).value(), FulfillmentChange::shipped);
  EXPECT_EQ(f.shipped_at, kNow);
  EXPECT_EQ(o.lines[0].shipped_quantity, 2);
  EXPECT_EQ(o.lines[0].reserved_quantity(), 1);
}

TEST(Change, TheWholeFollowsItsUnits) {
  using enum FulfillmentStatus;
  auto o = order();
  EXPECT_EQ(o.fulfillment_status, not_fulfilled);
  packed(o, {{LineId("a"), 3}});
  EXPECT_EQ(o.fulfillment_status, partially_fulfilled);
  packed(o, {{LineId("b"), 2}});
  EXPECT_EQ(o.fulfillment_status, fulfilled);
  const auto move = [&](std::size_t i, FulfillmentState state) {
    ASSERT_TRUE(change(o, o.fulfillments[i], to(state), kNow + std::chrono::seconds(o.version)).has_value());
  };
  move(0, FulfillmentState::shipped);
  EXPECT_EQ(o.fulfillment_status, partially_shipped);
  move(0, FulfillmentState::delivered);
  EXPECT_EQ(o.fulfillment_status, partially_delivered);
  move(1, FulfillmentState::shipped);
  EXPECT_EQ(o.fulfillment_status, partially_delivered);
  EXPECT_FALSE(o.delivered_at.has_value());
  move(1, FulfillmentState::delivered);
  EXPECT_EQ(o.fulfillment_status, delivered);
  EXPECT_EQ(o.delivered_at, o.updated_at);
  EXPECT_EQ(o.version, 7);
}

TEST(Change, WhatIsCanceledIsNotMissing) {
  auto o = order();
  o.lines[1].canceled_quantity = 2;
  auto& f = packed(o, {{LineId("a"), 3}});
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::fulfilled);
  ASSERT_TRUE(change(o, f, to(FulfillmentState::shipped), kNow).has_value());
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::shipped);
}

TEST(Change, WhatIsPackedAndDueNoMoreIsNotFulfilled) {
  auto o = order();
  packed(o, {{LineId("a"), 3}});
  ASSERT_TRUE(cancel(o, {CancelRole::support, {}, std::vector<LineUnits>{{LineId("a"), 3}}}, kNow).has_value());
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::not_fulfilled) << "the two units of b are nowhere";
  EXPECT_TRUE(cancel(o, {CancelRole::buyer}, kNow).has_value()) << "nothing that is due is packed";
  EXPECT_EQ(o.fulfillments[0].state, FulfillmentState::canceled);
}

TEST(Change, DeliveredIsWhenTheLastOfItCame) {
  const auto later = kNow + std::chrono::seconds(9);
  auto o = order();
  auto& f = in_state(o, FulfillmentState::delivered);
  ASSERT_TRUE(cancel(o, {CancelRole::support}, later).has_value());
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::delivered);
  EXPECT_EQ(o.updated_at, later);
  EXPECT_EQ(o.delivered_at, f.delivered_at);
}

TEST(Change, WhatWasPaidBackMeanwhileIsNotShipped) {
  auto o = order();
  auto& f = packed(o, {{LineId("a"), 3}});
  o.lines[0].refunded_unshipped_quantity = 1;
  EXPECT_EQ(o.lines[0].reserved_quantity(), 2);
  EXPECT_EQ(change(o, f, to(FulfillmentState::shipped), kNow).error().code, "too_many_units");
  EXPECT_EQ(f.state, FulfillmentState::packed);
  ASSERT_TRUE(change(o, f, to(FulfillmentState::canceled), kNow).has_value());
  EXPECT_FALSE(pack(o, FulfillmentId("g"), {{LineId("a"), 3}}, std::nullopt, kNow).has_value());
  auto& rest = packed(o, {{LineId("a"), 2}});
  EXPECT_TRUE(change(o, rest, to(FulfillmentState::shipped), kNow).has_value());
  EXPECT_EQ(o.lines[0].reserved_quantity(), 0);
}

TEST(Change, TracksMemberByMember) {
  auto o = order();
  auto& f = packed(o, {{LineId("a"), 1}});
  ASSERT_EQ(change(o, f, tracked("1"), kNow).value(), FulfillmentChange::tracking);
  EXPECT_EQ(f.tracking, (Tracking{"DHL", "1", std::nullopt}));
  EXPECT_EQ(change(o, f, tracked("1"), kNow).value(), FulfillmentChange::nothing);
  const FulfillmentEdit url{.tracking = {true, TrackingEdit{.url = {true, "https://example.com/1"}}}};
  ASSERT_TRUE(change(o, f, url, kNow).has_value());
  EXPECT_EQ(f.tracking, (Tracking{"DHL", "1", "https://example.com/1"}));
  ASSERT_TRUE(change(o, f, {.tracking = {true, std::nullopt}}, kNow).has_value());
  EXPECT_FALSE(f.tracking.has_value());
  EXPECT_EQ(o.version, 5);
}

TEST(Change, TracksAndShipsAtOnceInOneVersion) {
  auto o = order();
  auto& f = packed(o, {{LineId("a"), 1}});
  auto edit = tracked("1");
  edit.state = FulfillmentState::shipped;
  EXPECT_EQ(change(o, f, edit, kNow).value(), FulfillmentChange::shipped);
  EXPECT_TRUE(f.tracking.has_value());
  EXPECT_EQ(o.version, 3);
}

TEST(Change, DoesNothingOfAnEditThatIsPartlyWrong) {
  auto o = order();
  auto& f = packed(o, {{LineId("a"), 1}});
  auto edit = tracked("1");
  edit.state = FulfillmentState::delivered;
  EXPECT_EQ(change(o, f, edit, kNow).error().code, "illegal_transition");
  EXPECT_FALSE(f.tracking.has_value());
  edit = {.tracking = {true, TrackingEdit{.carrier = {true, "DHL"}}}, .state = FulfillmentState::shipped};
  EXPECT_EQ(change(o, f, edit, kNow).error().code, "validation_failed");
  EXPECT_EQ(f.state, FulfillmentState::packed);
  EXPECT_EQ(o.version, 2);
}

TEST(Change, NothingOfWhatIsOverChanges) {
  for (const auto state : {FulfillmentState::delivered, FulfillmentState::canceled}) {
    auto o = order();
    auto& f = in_state(o, state);
    EXPECT_EQ(change(o, f, tracked("1"), kNow).error().code, "illegal_transition");
  }
}

TEST(Complete, NeedsAllToBeDelivered) {
  using enum FulfillmentStatus;
  for (const auto status :
       {OrderStatus::pending, OrderStatus::confirmed, OrderStatus::completed, OrderStatus::canceled}) {
    for (const auto fulfillment : {not_fulfilled, partially_fulfilled, fulfilled, partially_shipped, shipped,
                                   partially_delivered, delivered, FulfillmentStatus::canceled}) {
      auto o = order(status);
      o.fulfillment_status = fulfillment;
      const bool yes = status == OrderStatus::confirmed && fulfillment == delivered;
      const auto result = o.complete(kNow);
      ASSERT_EQ(result.has_value(), yes) << to_string(status) << " " << to_string(fulfillment);
      EXPECT_EQ(o.version, yes ? 2 : 1);
      if (yes) {
        EXPECT_EQ(o.status, OrderStatus::completed);
        EXPECT_EQ(o.completed_at, kNow);
      }
    }
  }
}

TEST(Complete, CancelsWhatIsPackedStillAndNothingChangesAfter) {
  auto o = order();
  in_state(o, FulfillmentState::delivered);
  packed(o, {{LineId("b"), 2}});
  ASSERT_TRUE(cancel(o, {CancelRole::support}, kNow).has_value());
  ASSERT_EQ(o.fulfillment_status, FulfillmentStatus::delivered);
  ASSERT_TRUE(o.complete(kNow + std::chrono::seconds(1)).has_value());
  EXPECT_EQ(o.fulfillments[0].state, FulfillmentState::delivered);
  EXPECT_EQ(o.fulfillments[1].state, FulfillmentState::canceled);
  EXPECT_EQ(o.fulfillments[1].canceled_at, o.completed_at);
  EXPECT_EQ(o.lines[1].fulfilled_quantity, 0);
  EXPECT_EQ(o.lines[0].fulfilled_quantity, 2);
}

TEST(Change, NothingOfAnOrderThatEndedChanges) {
  for (const auto status : {OrderStatus::completed, OrderStatus::canceled}) {
    auto o = order();
    auto& f = packed(o, {{LineId("a"), 1}});
    o.status = status;
    for (const auto& edit : {to(FulfillmentState::shipped), to(FulfillmentState::canceled), tracked("1")}) {
      EXPECT_EQ(change(o, f, edit, kNow).error().code, "illegal_transition") << to_string(status);
    }
    EXPECT_EQ(f.state, FulfillmentState::packed);
    EXPECT_EQ(o.version, 2);
  }
}

TEST(CancelWhatIsFulfilled, EndsWithTheFirstUnitShipped) {
  using enum CancelReason;
  for (const auto state : kAllStates) {
    for (const auto reason : {buyer, seller, support, out_of_stock, fraud, not_shipped}) {
      auto o = order();
      in_state(o, state);
      const bool held = state == FulfillmentState::packed;
      const bool gone = state == FulfillmentState::shipped || state == FulfillmentState::delivered;
      const auto result = o.cancel(reason, kNow + std::chrono::seconds(1));
      ASSERT_EQ(result.has_value(), !gone && !(reason == buyer && held)) << to_string(state) << to_string(reason);
      if (!result) {
        EXPECT_EQ(result.error().code, "not_cancelable");
        EXPECT_EQ(o.fulfillments[0].state, state);
        continue;
      }
      EXPECT_EQ(o.fulfillments[0].state, FulfillmentState::canceled);
      EXPECT_EQ(o.fulfillments[0].canceled_at, held ? kNow + std::chrono::seconds(1) : kNow);
      EXPECT_EQ(o.lines[0].fulfilled_quantity, 0);
    }
  }
}

TEST(CancelUnshipped, OfAPartlyShippedOrderTheRestAloneAndWhatIsPackedOfIt) {
  auto o = order();
  auto& sent = packed(o, {{LineId("a"), 1}});
  ASSERT_TRUE(change(o, sent, to(FulfillmentState::shipped), kNow).has_value());
  packed(o, {{LineId("a"), 1}, {LineId("b"), 1}});
  const auto version = o.version;
  const auto later = kNow + std::chrono::seconds(1);
  const auto canceled = cancel_unshipped(o, later);
  ASSERT_TRUE(canceled.has_value());
  EXPECT_EQ(canceled->reason, CancelReason::not_shipped);
  for (std::size_t i = 0; i < o.lines.size(); ++i) {
    const auto& line = o.lines[i];
    EXPECT_EQ(canceled->units[i], line.quantity - line.shipped_quantity) << i;
    EXPECT_EQ(line.canceled_quantity, canceled->units[i]) << i;
    EXPECT_EQ(line.reserved_quantity(), 0) << i;
    EXPECT_EQ(line.fulfilled_quantity, line.shipped_quantity) << i;
  }
  EXPECT_EQ(o.fulfillments[0].state, FulfillmentState::shipped);
  EXPECT_EQ(o.fulfillments[1].state, FulfillmentState::canceled);
  EXPECT_EQ(o.fulfillments[1].canceled_at, later);
  EXPECT_EQ(o.status, OrderStatus::confirmed);
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::shipped);
  EXPECT_EQ(o.version, version + 1);
  ASSERT_TRUE(change(o, o.fulfillments[0], to(FulfillmentState::delivered), later).has_value());
  EXPECT_TRUE(o.complete(later).has_value()) << "nothing is missing any more";
}

TEST(CancelUnshipped, OfAnOrderOfWhichNothingWasShippedIsItsEnd) {
  auto o = order();
  packed(o, {{LineId("a"), 1}});
  ASSERT_TRUE(cancel_unshipped(o, kNow).has_value());
  EXPECT_EQ(o.status, OrderStatus::canceled);
  EXPECT_EQ(o.cancel_reason, CancelReason::not_shipped);
  EXPECT_EQ(o.fulfillments[0].state, FulfillmentState::canceled);
  EXPECT_EQ(o.lines[0].fulfilled_quantity, 0);
}

TEST(CancelUnshipped, IsOfWhatIsPaidAndStillToBeSent) {
  for (const auto status : {OrderStatus::pending, OrderStatus::completed, OrderStatus::canceled}) {
    auto o = order(status);
    EXPECT_EQ(cancel_unshipped(o, kNow).error().code, "not_cancelable") << to_string(status);
    EXPECT_EQ(o.version, 1);
  }
  auto sent = order();
  for (auto& line : sent.lines) line.shipped_quantity = line.fulfilled_quantity = line.quantity;
  EXPECT_EQ(cancel_unshipped(sent, kNow).error().code, "not_cancelable");
  EXPECT_EQ(sent.version, 1);
}

TEST(Pay, PromisesWhenItIsShipped) {
  auto o = order(OrderStatus::pending);
  o.handling_days = 2;
  ASSERT_TRUE(o.pay(kNow).has_value());
  EXPECT_EQ(o.ship_by, kNow + std::chrono::hours(48));
}

TEST(Delivery, IsTakenAsDoneOnceItWasShippedLongAgo) {
  auto o = order();
  auto& f = packed(o, {{LineId("a"), 1}});
  EXPECT_FALSE(is_taken_as_delivered(f, kNow + std::chrono::seconds(1)));
  ASSERT_TRUE(change(o, f, to(FulfillmentState::shipped), kNow).has_value());
  EXPECT_FALSE(is_taken_as_delivered(f, kNow - std::chrono::microseconds(1)));
  EXPECT_TRUE(is_taken_as_delivered(f, kNow));
  ASSERT_TRUE(change(o, f, to(FulfillmentState::delivered), kNow).has_value());
  EXPECT_FALSE(is_taken_as_delivered(f, kNow));
}

TEST(TrackingText, NeedsACarrierAndANumberOfOneLine) {
  const auto codes = [](const TrackingEdit& edit) {
    std::string all;
    const auto result = edited(std::nullopt, edit, "/tracking");
    if (result) return std::string("yes");
    for (const auto& field : result.error().fields) all += field.pointer + " " + field.code + ";";
    return all;
  };
  EXPECT_EQ(codes({.carrier = {true, "DHL"}, .number = {true, "1"}}), "yes");
  EXPECT_EQ(codes({.carrier = {true, "DHL"}}), "/tracking/number required;");
  EXPECT_EQ(codes({}), "/tracking/carrier required;/tracking/number required;");
  EXPECT_EQ(codes({.carrier = {true, ""}, .number = {true, "1\r\nBcc: x"}}),
            "/tracking/carrier required;/tracking/number invalid_value;");
  EXPECT_EQ(codes({.carrier = {true, "DHL"}, .number = {true, "1"}, .url = {true, "javascript:alert(1)"}}),
            "/tracking/url invalid_value;");
}

TEST(TrackingText, AWebAddressIsHttpWithAHostAndNothingElse) {
  for (const auto* yes : {"http://a", "https://example.com/track?n=1&m=2#x", "HTTPS://EXAMPLE.COM:8443/",
                          "http://[::1]/", "https://a/%20x@y"}) {
    EXPECT_TRUE(is_web_address(yes)) << yes;
  }
  for (const auto* no : {"",
                         "http://",
                         "https:///x",
                         "ftp://a",
                         "javascript:alert(1)",
                         "data:text/html,x",
                         "//a",
                         "a",
                         "http:a",
                         "https://a b",
                         "https://a\"onclick=x",
                         "https://a'b",
                         "https://a<b>",
                         "https://a\\b",
                         "https://user@evil.example/",
                         "https://:80/",
                         "https://\xc3\xbc.example",
                         "https://a\nb",
                         " https://a",
                         "https://a{b}"}) {
    EXPECT_FALSE(is_web_address(no)) << no;
  }
}

}  // namespace
}  // namespace agora::order
