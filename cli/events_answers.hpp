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
std::vector<Wanted> matching_subjects(const std::vector<json::Document>& parked, const Wanted& wanted);

/// The members `items` of all pages as one JSON array.
std::string items_text(const std::vector<json::Document>& pages);

/// For people.
void print_consumers(const json::Document& consumers);
void print_parked(const std::vector<json::Document>& pages);
void print_rebuilt(const json::Document& rebuilt, const std::string& publisher);

}  // namespace agora::cli
