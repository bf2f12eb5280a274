// What an operator takes out of the record, and proves of it.

#ifndef MITRA_SERVICES_PROFILE_INGEST_ARCHIVE_RECORDS_H_
#define MITRA_SERVICES_PROFILE_INGEST_ARCHIVE_RECORDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/call_context.h"
#include "mitra/v1/archive_service.pb.h"
#include "services/profile/ingest/profile_ingest.h"
#include "services/profile/ingest/request_validation.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Safe for concurrent calls, each a few short reads on the caller's thread.
class ArchiveRecords {
 public:
  // All must outlive the object.
  ArchiveRecords(RecordStore& store, const ProfileIngest& ingest,
                 const Clock& clock);

  // INVALID_ARGUMENT (kinds), PERMISSION_DENIED for members.
  absl::Status CheckExport(const rpc::CallContext& call,
                           const v1::ExportRequest& request) const;
  // The rows after `token`: empty for the first ones, then the resume_token of
  // the page before. INVALID_ARGUMENT (resume_token) if it is of another query.
  absl::StatusOr<v1::ExportResponse> ExportPage(
      const rpc::CallContext& call, const v1::ExportRequest& request,
      const std::string& token) const;

  // Without the backups, which are not the record's.
  absl::Status Trace(const rpc::CallContext& call,
                     const v1::TraceMemberRequest& request,
                     v1::MemberTrace& response) const;

 private:
  // False if the entity cannot be read.
  bool AppendRow(const v1::ExportRequest& request, const Entity& entity,
                 v1::ExportRow& row) const;

  RecordStore& store_;
  const ProfileIngest& ingest_;
  PageTokens tokens_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_ARCHIVE_RECORDS_H_
