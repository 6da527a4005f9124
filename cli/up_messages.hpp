#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "cli/supervisor.hpp"

namespace agora::cli {

/// `127.0.0.1:8000`; of an address that everything is bound to, one that can be asked.
std::string host_of(const std::string& address, std::uint16_t port);
/// `http://127.0.0.1:8000`, the same.
std::string url_of(const std::string& address, std::uint16_t port);

/// What `agora up` says when all are ready: addresses, where mails go and what to try, or where they answer as JSON.
void print_addresses(const std::vector<Supervised>& all, const std::filesystem::path& data);
void print_addresses_as_json(const std::vector<Supervised>& all);

/// What it says of a change: a line for people on stderr, or JSON on stdout.
void tell_people(const Change& change);
void tell_programs(const Change& change);

}  // namespace agora::cli
