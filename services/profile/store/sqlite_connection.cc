#include "services/profile/store/sqlite_connection.h"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/status/errors.h"

namespace mitra::profile {

absl::Status SqliteError(int code, absl::string_view doing) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return WithRetryDelay(
          MakeError(absl::StatusCode::kResourceExhausted, "STORAGE_FULL",
                    "no space is left for the record"),
          absl::Seconds(1));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return WithRetryDelay(
          MakeError(absl::StatusCode::kUnavailable, "STORAGE_BUSY",
                    "the record is held by another process"),
          absl::Milliseconds(200));
    default:
      return MakeError(
          absl::StatusCode::kInternal, "STORAGE_FAILURE",
          absl::StrCat("the record's storage failed while ", doing, ": ",
                       sqlite3_errstr(code), " (", code, ")"));
  }
}

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement::Statement(sqlite3* db, absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  if (code != SQLITE_OK) {
    status_ = SqliteError(sqlite3_extended_errcode(db), "preparing");
  }
}

Statement& Statement::Bind(int position, int64_t value) {
  sqlite3_bind_int64(statement_.get(), position, value);
  return *this;
}

Statement& Statement::Bind(int position, absl::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), position,
                      bytes.empty() ? "" : bytes.data(), bytes.size(),
                      SQLITE_STATIC);
  return *this;
}

Statement& Statement::BindText(int position, absl::string_view text) {
  sqlite3_bind_text64(statement_.get(), position,
                      text.empty() ? "" : text.data(), text.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindNull(int position) {
  sqlite3_bind_null(statement_.get(), position);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  if (!status_.ok()) return status_;
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  const int extended =
      sqlite3_extended_errcode(sqlite3_db_handle(statement_.get()));
  sqlite3_reset(statement_.get());
  if (code == SQLITE_DONE) return false;
  return SqliteError(extended, "running a statement");
}

absl::Status Statement::Run() {
  const absl::StatusOr<bool> row = Step();
  Reset();
  return row.status();
}

void Statement::Reset() {
  if (statement_) sqlite3_reset(statement_.get());
}

int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

absl::string_view Statement::Bytes(int column) const {
  const auto* data =
      static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? absl::string_view() : absl::string_view(data, size);
}

void Connection::Closer::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(
    const std::string& path, bool writable, const std::string& vfs) {
  sqlite3* db = nullptr;
  const int flags = (writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                              : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags,
                                   vfs.empty() ? nullptr : vfs.c_str());
  auto connection = std::make_unique<Connection>();
  connection->db_.reset(db);
  if (code != SQLITE_OK) return SqliteError(code, "opening the file");
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, 250);
  return connection;
}

absl::Status Connection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return absl::OkStatus();
  return SqliteError(sqlite3_extended_errcode(db()), "running a command");
}

void Connection::CountLogPages() {
  sqlite3_wal_hook(
      db(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &log_pages_);
}

bool Connection::idle() const { return sqlite3_get_autocommit(db()) != 0; }

absl::StatusOr<bool> Connection::Checkpoint(bool truncate) {
  int log_frames = 0;
  int folded_frames = 0;
  const int code = sqlite3_wal_checkpoint_v2(
      db(), nullptr,
      truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      &log_frames, &folded_frames);
  if ((code & 0xff) == SQLITE_BUSY) return false;
  if (code != SQLITE_OK) return SqliteError(code, "folding the log");
  if (truncate) log_pages_ = 0;
  return log_frames == folded_frames;
}

}  // namespace mitra::profile
