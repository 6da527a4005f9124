#pragma once
#include <string>
#include <vector>

#include "libs/json/document.hpp"

namespace agora::cli {

/// A subject of parked events, as the internal routes name it. Empty members: not said.
struct Wanted {
  std::string publisher{};
  std::string log_id{};
  std::string topic{};
  std::string subject{};

  bool is_complete() const { return !publisher.empty() && !log_id.empty() && !topic.empty() && !subject.empty(); }
  std::string as_json() const;
};

/// The subjects among parked events that are meant, each once.
std::vector<Wanted> matching_subjects(const json::Document& parked, const Wanted& wanted);

/// The member `items` as JSON.
std::string items_text(const json::Document& answer);

/// For people.
void print_consumers(const json::Document& consumers);
void print_parked(const json::Document& parked);
void print_rebuilt(const json::Document& rebuilt, const std::string& publisher);

}  // namespace agora::cli
