#include "services/profile/store/sqlite_external_ids.h"

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::profile {

absl::Status SqliteExternalIds::Prepare(Connection& connection) {
  find_ = connection.Prepare(
      "SELECT member FROM external_ids WHERE system = ? AND value = ?");
  insert_ = connection.Prepare(
      "INSERT INTO external_ids(system, value, member) VALUES(?, ?, ?)");
  count_ =
      connection.Prepare("SELECT count(*) FROM external_ids WHERE member = ?");
  delete_ = connection.Prepare("DELETE FROM external_ids WHERE member = ?");
  for (const Statement* statement : {&find_, &insert_, &count_, &delete_}) {
    MITRA_RETURN_IF_ERROR(statement->status());
  }
  return absl::OkStatus();
}

absl::Status SqliteExternalIds::Check(const Put& put, absl::Status& refusal) {
  own_ = 0;
  for (const auto& [system, value] : put.external_ids) {
    StatementScope scope(find_);
    find_.BindText(1, system).BindText(2, value);
    MITRA_ASSIGN_OR_RETURN(const bool found, find_.Step());
    if (found && find_.Bytes(0) != put.key) {
      refusal = MakeError(absl::StatusCode::kAlreadyExists, "EXTERNAL_ID_TAKEN",
                          absl::StrCat("external_ids: one of system ", system,
                                       " belongs to another member"),
                          {{"system", system}});
      return absl::OkStatus();
    }
    own_ += found;
  }
  return absl::OkStatus();
}

absl::Status SqliteExternalIds::Store(const Put& put, bool replaces) {
  if (replaces) {
    // Mostly they stay as they are: each that is written anew changes four
    // pages of the file, more than all the rest of a profile.
    StatementScope scope(count_);
    count_.BindText(1, put.key);
    MITRA_RETURN_IF_ERROR(count_.Step().status());
    const auto stored = static_cast<size_t>(count_.Int(0));
    if (stored == put.external_ids.size() && stored == own_) {
      return absl::OkStatus();
    }
    MITRA_RETURN_IF_ERROR(Delete(put.key));
  }
  for (const auto& [system, value] : put.external_ids) {
    MITRA_RETURN_IF_ERROR(insert_.BindText(1, system)
                              .BindText(2, value)
                              .BindText(3, put.key)
                              .Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteExternalIds::Delete(absl::string_view member) {
  return delete_.BindText(1, member).Run();
}

}  // namespace mitra::profile
