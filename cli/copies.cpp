#include "cli/copies.hpp"

#include <iostream>
#include <stdexcept>

#include "cli/command.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {

namespace fs = std::filesystem;

std::vector<DatabaseFile> databases_in(const fs::path& folder) {
  std::vector<DatabaseFile> files;
  for (const auto& service : services()) {
    auto path = folder / service.database;
    if (fs::exists(path)) files.push_back({service, std::move(path)});
  }
  if (files.empty()) throw std::runtime_error("there is no database of a service in " + folder.string());
  return files;
}

void print_copies(const std::vector<Copied>& copies, const std::string& done, bool json) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("files").begin_array();
  for (const auto& copy : copies) {
    writer.begin_object()
        .member("service", copy.service)
        .member("from", copy.from.string())
        .member("to", copy.to.string())
        .member("bytes", std::uint64_t{copy.bytes});
    if (copy.log_id) writer.member("log_id", *copy.log_id);
    if (copy.kept) writer.member("kept", copy.kept->string());
    writer.end_object();
    if (json) continue;
    std::cout << done << ' ' << copy.service << ": " << copy.from.string() << " -> " << copy.to.string() << ", "
              << copy.bytes << " bytes\n";
    if (copy.kept) std::cout << "  what was there is now " << copy.kept->string() << '\n';
    if (!copy.note.empty()) std::cout << "  " << copy.note << '\n';
  }
  writer.end_array().end_object();
  std::cout.flush();
  if (json) print_json(out);
}

}  // namespace agora::cli
