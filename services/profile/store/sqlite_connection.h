// One connection to an SQLite file and its statements, with errors as
// absl::Status. The only header that names SQLite.

#ifndef MITRA_SERVICES_PROFILE_STORE_SQLITE_CONNECTION_H_
#define MITRA_SERVICES_PROFILE_STORE_SQLITE_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mitra::profile {

// The error of an SQLite result code. STORAGE_FULL (RESOURCE_EXHAUSTED, with
// RetryInfo) when no space is left, STORAGE_BUSY (UNAVAILABLE) when another
// process holds the file, else STORAGE_FAILURE (INTERNAL). The message names
// the code, never the data.
absl::Status SqliteError(int code, absl::string_view doing);

// A prepared statement. Bound texts must live until the statement is reset.
// Used by one thread at a time, like its connection.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, absl::string_view sql);

  // Position 1 is the first parameter.
  Statement& Bind(int position, int64_t value);
  Statement& Bind(int position, absl::string_view bytes);
  Statement& BindText(int position, absl::string_view text);
  Statement& BindNull(int position);

  // True: a row is there. False: the end; the statement is reset.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();
  void Reset();

  int64_t Int(int column) const;
  bool IsNull(int column) const;
  // Valid until the next Step() or Reset().
  absl::string_view Bytes(int column) const;

  absl::Status status() const { return status_; }

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  absl::Status status_;
};

// Resets a statement at the end of a scope, so that no read outlives it.
class StatementScope {
 public:
  explicit StatementScope(Statement& statement) : statement_(statement) {}
  ~StatementScope() { statement_.Reset(); }
  StatementScope(const StatementScope&) = delete;
  StatementScope& operator=(const StatementScope&) = delete;

 private:
  Statement& statement_;
};

class Connection {
 public:
  // `vfs`: name of a registered VFS, empty for the default. Opens for writing,
  // and creates the file, only if `writable`.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(
      const std::string& path, bool writable, const std::string& vfs);

  absl::Status Execute(const std::string& sql);
  Statement Prepare(absl::string_view sql) { return Statement(db(), sql); }
  // No transaction is open.
  bool idle() const;
  // Begins to count the pages of the write-ahead log. To be called after
  // "PRAGMA wal_autocheckpoint", which takes SQLite's only hook for itself.
  void CountLogPages();
  // Pages that stand in the write-ahead log since it was last cut or restarted,
  // after the last commit of this connection; 0 if nobody counts.
  int log_pages() const { return log_pages_; }
  // Folds the write-ahead log into the file. `truncate` also waits for readers
  // and cuts the log to nothing. Returns false if readers kept it from
  // finishing.
  absl::StatusOr<bool> Checkpoint(bool truncate);

  sqlite3* db() const { return db_.get(); }

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
  };
  int log_pages_ = 0;
  std::unique_ptr<sqlite3, Closer> db_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_SQLITE_CONNECTION_H_
