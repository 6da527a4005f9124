#pragma once

struct sqlite3;

/// Where faults can be injected. Each program links one of two implementations: `agora_faults_off` (nothing happens,
/// nothing is left in the binary) or libs/testing's `agora_faults_on`.
namespace agora::faults {

/// Ends the process by SIGKILL, or puts it to sleep, when the environment names this point (AGORA_CRASH_POINT=name or
/// name:nth).
void crash_point(const char* name) noexcept;

/// SQLite VFS to open files with; null: the default one.
const char* sqlite_vfs();

/// Called before a transaction writes, and after it ended: where a disk can run full in the middle of a group.
void before_transaction(sqlite3* connection);
void after_transaction(sqlite3* connection);

}  // namespace agora::faults

/// A point named `<noun>.<verb>.<when>` at which the tests kill the process; a test compares the list in the code with
/// what ran.
#define AGORA_CRASH_POINT(name) ::agora::faults::crash_point(name)
