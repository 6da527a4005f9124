#include "services/order/store/keyed_answers.hpp"

#include <stdexcept>

namespace agora::order {

KeyedAnswers::KeyedAnswers(sql::Tx& tx, std::vector<std::optional<sql::IdempotencyKey>> keys, Timestamp now)
    : keys_(std::move(keys)), span_(tx, keys_, now), results_(keys_.size()), repeats_(keys_.size()) {}

void KeyedAnswers::decide(std::size_t i, const std::function<Result<void>()>& decision) {
  auto admission = span_.admit(i);
  if (std::holds_alternative<sql::KeySpan::BodyDiffers>(admission)) {
    results_[i] =
        Error{Errc::invalid_argument, "idempotency_key_reused", "This Idempotency-Key was used with another request."};
  } else if (auto* stored = std::get_if<sql::StoredAnswer>(&admission)) {
    // Without a status it is what an earlier command of this span is still to be given.
    if (stored->status == 0) {
      repeats_[i] = first_with_key_of(i);
    } else {
      results_[i] = Answered{std::move(*stored), true};
    }
  } else if (auto decided = decision(); decided.has_value()) {
    span_.accept(i, {});
  } else {
    results_[i] = std::move(decided).error();
  }
}

void KeyedAnswers::accept(std::size_t i, sql::StoredAnswer answer) {
  span_.accept(i, answer);
  results_[i] = Answered{std::move(answer), false};
}

std::vector<Result<Answered>> KeyedAnswers::finish() {
  span_.finish();
  std::vector<Result<Answered>> results;
  results.reserve(results_.size());
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (repeats_[i]) {
      results.push_back(Answered{results_[*repeats_[i]].value().value().answer, true});
    } else {
      // Copied, not moved: a later command may repeat this one.
      results.push_back(results_[i].value());
    }
  }
  return results;
}

std::size_t KeyedAnswers::first_with_key_of(std::size_t i) const {
  for (std::size_t j = 0; j < i; ++j) {
    // The one that was decided, not another that repeats it or was refused before it.
    if (keys_[j] && keys_[j]->principal == keys_[i]->principal && keys_[j]->scope == keys_[i]->scope && !repeats_[j] &&
        !results_[j]) {
      return j;
    }
  }
  throw std::logic_error("an answer is repeated that nobody was given");
}

}  // namespace agora::order
