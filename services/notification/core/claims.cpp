#include "services/notification/core/claims.hpp"

namespace agora::notification {

std::vector<ClaimId> ClaimWatch::ran_out(const std::vector<ClaimId>& standing, Deadline now) {
  std::map<ClaimId, Deadline> ends;
  std::vector<ClaimId> over;
  for (const auto& claim : standing) {
    const auto known = ends_.find(claim);
    const auto end = known == ends_.end() ? now + allowed_ : known->second;
    ends.emplace(claim, end);
    if (end <= now) over.push_back(claim);
  }
  // One that is no longer there was let go of, and does not come back.
  ends_ = std::move(ends);
  return over;
}

}  // namespace agora::notification
