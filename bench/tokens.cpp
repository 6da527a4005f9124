// agora-bench-tokens: what a bearer token costs, in microseconds of CPU time. Prints JSON lines {"figure",
// "microseconds"}.

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>

#include "libs/jwt/private_key.hpp"
#include "libs/jwt/verifier.hpp"

namespace {

using namespace agora;

constexpr int kRounds = 5;
constexpr std::size_t kTokens = 2'000;

/// CPU time, so that who else runs on this machine counts for little.
double microseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// `work` for each of the tokens, as many times; the median of a token's cost.
template <class Work>
void measure(std::string_view figure, std::size_t count, Work work) {
  std::vector<double> costs;
  for (int round = 0; round < kRounds; ++round) {
    const auto started = microseconds();
    for (std::size_t i = 0; i < count; ++i) work(i);
    costs.push_back((microseconds() - started) / static_cast<double>(count));
  }
  std::cout << R"({"figure":")" << figure << R"(","microseconds":)" << median_of(costs) << "}\n";
}

void require(bool done) {
  if (!done) throw std::runtime_error("a token was not what it should be");
}

void measure_algorithm(jwt::Algorithm algorithm) {
  const SystemClock clock;
  const auto now = clock.now();
  const auto key = jwt::PrivateKey::generate(algorithm);
  const auto keys = jwt::KeySet::parse(R"({"keys":[)" + key.public_jwk() + "]}").value();
  const auto name = std::string(to_string(algorithm));
  std::vector<std::string> tokens(kTokens);
  measure(name + ", a token made", kTokens,
          [&](std::size_t i) { tokens[i] = jwt::make_token(key, {.subject = "u1", .roles = {"user"}}, now); });
  measure(name + ", a token verified", kTokens,
          [&](std::size_t i) { require(std::holds_alternative<jwt::Claims>(jwt::verify(tokens[i], keys, {}, now))); });

  telemetry::Registry metrics;
  jwt::Verifier verifier({}, kTokens, clock, metrics);
  verifier.use(keys, Deadline::max());
  for (const auto& token : tokens) require(verifier.authenticate(token).has_value());
  measure(name + ", a token known", 100 * kTokens,
          [&](std::size_t i) { require(verifier.authenticate(tokens[i % kTokens]).has_value()); });
  auto forged = tokens.front();
  forged[forged.size() - 20] = forged[forged.size() - 20] == 'A' ? 'B' : 'A';
  measure(name + ", a forged token refused", kTokens,
          [&](std::size_t) { require(!verifier.authenticate(forged).has_value()); });
}

}  // namespace

int main() {
  measure_algorithm(jwt::Algorithm::es256);
  measure_algorithm(jwt::Algorithm::eddsa);
}
