#include "services/notification/core/claims.hpp"

#include <gtest/gtest.h>

namespace agora::notification {
namespace {

using namespace std::chrono_literals;
using Claims = std::vector<ClaimId>;

const ClaimId kOne("one");
const ClaimId kTwo("two");
constexpr Deadline kStart{1h};

TEST(ClaimWatch, AClaimRunsOutOnceItWasSeenForItsTime) {
  ClaimWatch watch(60s);
  EXPECT_EQ(watch.ran_out({kOne}, kStart), Claims{});
  EXPECT_EQ(watch.ran_out({kOne, kTwo}, kStart + 59s), Claims{});
  EXPECT_EQ(watch.ran_out({kOne, kTwo}, kStart + 60s), Claims{kOne});
  EXPECT_EQ(watch.ran_out({kOne, kTwo}, kStart + 119s), (Claims{kOne, kTwo})) << "nobody let go of the first";
}

TEST(ClaimWatch, AnotherClaimHasATimeOfItsOwn) {
  ClaimWatch watch(60s);
  EXPECT_EQ(watch.ran_out({kOne}, kStart), Claims{});
  EXPECT_EQ(watch.ran_out({}, kStart + 30s), Claims{});
  EXPECT_EQ(watch.ran_out({kTwo}, kStart + 61s), Claims{});
  EXPECT_EQ(watch.ran_out({kTwo}, kStart + 121s), Claims{kTwo});
}

TEST(ClaimWatch, WithoutOthersWhatIsClaimedWasLeftBehind) {
  ClaimWatch watch(0s);
  EXPECT_EQ(watch.ran_out({kOne}, kStart), Claims{kOne});
}

}  // namespace
}  // namespace agora::notification
