#include "libs/sql/queue.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace agora::sql {

std::vector<Unit> to_units(const std::vector<Member*>& members) {
  std::vector<Unit> units;
  for (auto* member : members) {
    const auto same_span = [&](const Unit& unit) { return unit.members.front()->span == member->span; };
    const auto found = member->span == nullptr ? units.end() : std::find_if(units.begin(), units.end(), same_span);
    if (found == units.end()) {
      units.push_back({{member}, nullptr});
    } else {
      found->members.push_back(member);
    }
  }
  for (auto& unit : units) {
    if (auto* span = unit.members.front()->span) unit.batch = span->gather(unit.members);
  }
  return units;
}

void wake(const std::vector<Member*>& members) {
  // A member may be gone as soon as its waiter was woken: take the waiters first.
  std::vector<std::unique_ptr<Waiter>> waiters;
  waiters.reserve(members.size());
  for (auto* member : members) waiters.push_back(std::move(member->waiter));

  while (!waiters.empty()) {
    const auto* executor = waiters.front()->executor();
    if (executor == nullptr) {
      waiters.front()->wake();
      waiters.erase(waiters.begin());
      continue;
    }
    const auto target = *executor;
    const auto others = std::stable_partition(waiters.begin(), waiters.end(), [&](const auto& waiter) {
      return waiter->executor() != nullptr && *waiter->executor() == target;
    });
    std::vector<std::unique_ptr<Waiter>> together(std::make_move_iterator(waiters.begin()),
                                                  std::make_move_iterator(others));
    waiters.erase(waiters.begin(), others);
    boost::asio::post(target, [together = std::move(together)]() mutable {
      for (auto& waiter : together) {
        // Resuming may run long and destroy much; what is left of the waiter goes first.
        const auto woken = std::move(waiter);
        woken->wake();
      }
    });
  }
}

void MemberQueue::push(Member& member) {
  const std::lock_guard lock(mutex_);
  if (closed_) throw DatabaseError(DatabaseError::Kind::unavailable, "the database is closed");
  if (static_cast<std::int64_t>(members_.size()) >= max_) {
    throw DatabaseError(DatabaseError::Kind::unavailable, "too many works wait for the database");
  }
  members_.push_back(&member);
  // Only the first one finds somebody asleep.
  arrived_.notify_one();
}

void MemberQueue::push_front(const std::vector<Member*>& members) {
  const std::lock_guard lock(mutex_);
  members_.insert(members_.begin(), members.begin(), members.end());
  arrived_.notify_one();
}

template <class Wanted>
std::vector<Member*> MemberQueue::take_if(std::int64_t max, std::chrono::milliseconds wait, Wanted wanted) {
  std::vector<Member*> taken;
  std::vector<Member*> late;
  {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, wait, [&] { return closed_ || !members_.empty(); });
    const auto now = std::chrono::steady_clock::now();
    std::deque<Member*> passed;
    while (!members_.empty() && static_cast<std::int64_t>(taken.size()) < max) {
      auto* member = members_.front();
      members_.pop_front();
      if (member->deadline <= now) {
        late.push_back(member);
      } else if (wanted(taken, *member)) {
        member->taken = now;
        taken.push_back(member);
      } else {
        passed.push_back(member);
      }
    }
    members_.insert(members_.begin(), passed.begin(), passed.end());
    // Somebody else may have been told of them when they were behind what is taken now.
    if (!passed.empty()) arrived_.notify_one();
  }
  for (auto* member : late) {
    member->error = std::make_exception_ptr(
        DatabaseError(DatabaseError::Kind::deadline, "waited too long for the database; nothing was done"));
  }
  wake(late);
  return taken;
}

std::vector<Member*> MemberQueue::take(std::int64_t max, std::chrono::milliseconds wait) {
  return take_if(max, wait, [](const std::vector<Member*>&, const Member&) { return true; });
}

std::vector<Member*> MemberQueue::take_unit(std::int64_t max, std::chrono::milliseconds wait) {
  return take_if(max, wait, [](const std::vector<Member*>& taken, const Member& next) {
    return taken.empty() || (next.span != nullptr && next.span == taken.front()->span);
  });
}

void MemberQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  arrived_.notify_all();
  closing_.notify_all();
}

bool MemberQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool MemberQueue::drained() const {
  const std::lock_guard lock(mutex_);
  return closed_ && members_.empty();
}

void MemberQueue::wait_closed(std::chrono::milliseconds wait) const {
  std::unique_lock lock(mutex_);
  closing_.wait_for(lock, wait, [this] { return closed_; });
}

std::int64_t MemberQueue::size() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(members_.size());
}

}  // namespace agora::sql
