#include "libs/testing/temporary_database.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include <libpq-fe.h>

namespace agora::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBinaries = "/usr/lib/postgresql/15/bin";

std::string make_folder() {
  std::string pattern = "/dev/shm/agora-test-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder in /dev/shm");
  return pattern;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

void run(const std::string& command) {
  if (std::system((command + " > /dev/null 2>&1").c_str()) != 0) throw std::runtime_error("failed: " + command);
}

/// One server for the test program. It refuses to run as root, so root runs it as nobody.
class PostgresqlServer {
 public:
  PostgresqlServer() : folder_(make_folder()), port_(free_port()) {
    if (::getuid() == 0) {
      as_ = "runuser -u nobody -- ";
      run("chown nobody " + folder_);
    }
    run(as_ + kBinaries + "/initdb -A trust -U agora -E UTF8 --locale=C.UTF-8 --no-instructions -D " + folder_ +
        "/data");
    run(as_ + kBinaries + "/pg_ctl -w -l " + folder_ + "/log -D " + folder_ + "/data -o '-p " + std::to_string(port_) +
        " -c listen_addresses=127.0.0.1 -c unix_socket_directories=" + folder_ + " -c fsync=off' start");
    // A program that crashes runs no destructors: somebody outside waits for its end, however it comes.
    std::system(("setsid sh -c 'tail --pid=" + std::to_string(::getpid()) + " -f /dev/null; " + stop_and_remove() +
                 "' < /dev/null > /dev/null 2>&1 &")
                    .c_str());
  }
  ~PostgresqlServer() { std::system(("(" + stop_and_remove() + ") > /dev/null 2>&1").c_str()); }

  std::string url(const std::string& database) const {
    return "postgresql://agora@127.0.0.1:" + std::to_string(port_) + "/" + database;
  }
  void execute(const std::string& statement) const {
    PGconn* connection = PQconnectdb(url("postgres").c_str());
    PGresult* result = PQexec(connection, statement.c_str());
    const bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
    const std::string message = PQerrorMessage(connection);
    PQclear(result);
    PQfinish(connection);
    if (!done) throw std::runtime_error(message);
  }

  static PostgresqlServer& instance() {
    static PostgresqlServer server;
    return server;
  }

 private:
  std::string stop_and_remove() const {
    return as_ + kBinaries + "/pg_ctl -m immediate -D " + folder_ + "/data stop; rm -rf " + folder_;
  }

  std::string folder_;
  int port_;
  std::string as_;
};

std::string new_postgresql_database() {
  static std::atomic<int> count{0};
  auto& server = PostgresqlServer::instance();
  const auto name = "test" + std::to_string(++count);
  server.execute("CREATE DATABASE " + name +
                 " TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'");
  return server.url(name);
}

}  // namespace

TemporaryDatabase::TemporaryDatabase(sql::Engine engine, sql::Limits limits) : limits_(limits) {
  limits_.durability_optional = true;
  if (engine == sql::Engine::sqlite) {
    folder_ = make_folder();
    url_ = "sqlite:" + folder_ + "/test.db?synchronous=off";
  } else {
    url_ = new_postgresql_database();
  }
  database_ = sql::Database::open(url_, limits_, metrics_);
}

TemporaryDatabase::~TemporaryDatabase() {
  database_.reset();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

void TemporaryDatabase::reopen() {
  database_.reset();
  database_ = sql::Database::open(url_, limits_, metrics_);
}

std::string engine_name(const ::testing::TestParamInfo<sql::Engine>& info) {
  return info.param == sql::Engine::sqlite ? "sqlite" : "postgresql";
}

}  // namespace agora::testing
