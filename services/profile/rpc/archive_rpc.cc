// The archive and the stream of events.

#include <utility>

#include "common/status/errors.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/archive_service.pb.h"
#include "mitra/v1/events_service.pb.h"
#include "services/profile/ingest/access.h"
#include "services/profile/rpc/methods.h"

namespace mitra::profile {
namespace {

using rpc::CallContext;
using rpc::Task;

absl::Status NoFolder() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_BACKUP_FOLDER",
                   "the service was started without a folder for backups");
}

Task<absl::Status> Export(ProfileParts& parts, CallContext& call,
                          const v1::ExportRequest& request,
                          rpc::Writer<v1::ExportResponse>& writer) {
  absl::Status good = parts.archive.CheckExport(call, request);
  if (!good.ok()) co_return good;
  std::string token = request.resume_token();
  do {
    (void)co_await parts.executor.Enter();
    const auto page = parts.archive.ExportPage(call, request, token);
    if (!page.ok()) co_return page.status();
    token = page->resume_token();
    const bool written = co_await writer.Write(*page);
    if (!written) co_return absl::CancelledError("the caller is gone");
  } while (!token.empty() && !call.cancelled());
  co_return absl::OkStatus();
}

Task<absl::Status> WatchEvents(ProfileParts& parts, CallContext& call,
                               const v1::WatchEventsRequest& request,
                               rpc::Writer<v1::WatchEventsResponse>& writer) {
  const auto begin = parts.events.Begin(call, request);
  if (!begin.ok()) co_return begin.status();
  uint64_t after = *begin;
  while (!call.cancelled()) {
    const auto message = co_await parts.events.Next(call, request, after);
    if (!message.ok()) co_return message.status();
    after = message->revision();
    const bool written = co_await writer.Write(*message);
    if (!written) break;
  }
  co_return absl::CancelledError("the caller is gone");
}

void Describe(const BackupInfo& info, v1::Backup& backup) {
  backup.set_name(info.name);
  backup.set_revision(info.revision);
  backup.set_record_incarnation(info.record_incarnation);
  backup.set_bytes(info.bytes);
  backup.set_members(info.members);
  SetTime(info.create_time, *backup.mutable_create_time());
}

// The oldest backup in which the deleted lives of a member still are.
std::string OldestWith(const std::vector<BackupInfo>& backups,
                       const v1::MemberTrace& trace) {
  for (auto it = backups.rbegin(); it != backups.rend(); ++it) {
    for (const v1::TraceDeletion& deletion : trace.deletions()) {
      if (it->revision >= deletion.incarnation() &&
          it->revision < deletion.revision()) {
        return it->name;
      }
    }
    const bool living = trace.presence() == v1::MEMBER_PRESENCE_PRESENT &&
                        trace.incarnation() <= it->revision;
    if (living) return it->name;
  }
  return "";
}

Task<absl::Status> TraceMember(ProfileParts& parts, CallContext& call,
                               const v1::TraceMemberRequest& request,
                               v1::MemberTrace& response) {
  absl::Status traced = parts.archive.Trace(call, request, response);
  if (!traced.ok()) co_return traced;
  if (parts.backups != nullptr) {
    const auto backups = parts.backups->List();
    if (!backups.ok()) co_return backups.status();
    response.set_oldest_backup_with_member(OldestWith(*backups, response));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> CreateBackup(ProfileParts& parts, CallContext& call,
                                const v1::CreateBackupRequest& request,
                                v1::Backup& response) {
  absl::Status allowed = RefuseMembers(call);
  if (!allowed.ok()) co_return allowed;
  if (parts.backups == nullptr) co_return NoFolder();
  const auto made = co_await parts.backups->Create(request.name());
  if (!made.ok()) co_return made.status();
  Describe(*made, response);
  co_return absl::OkStatus();
}

Task<absl::Status> ListBackups(ProfileParts& parts, CallContext& call,
                               v1::ListBackupsResponse& response) {
  absl::Status allowed = RefuseMembers(call);
  if (!allowed.ok()) co_return allowed;
  if (parts.backups == nullptr) co_return NoFolder();
  const auto backups = parts.backups->List();
  if (!backups.ok()) co_return backups.status();
  for (const BackupInfo& info : *backups) {
    Describe(info, *response.add_backups());
  }
  co_return absl::OkStatus();
}

Task<absl::Status> TellEpoch(ProfileParts& parts, CallContext& call,
                             const v1::TellEpochRequest& request,
                             v1::TellEpochResponse& response) {
  absl::Status allowed = RefuseOutsiders(call);
  if (!allowed.ok()) co_return allowed;
  auto known =
      co_await parts.events.TellEpoch(call, request.epoch(), parts.clock.Now());
  if (!known.ok()) co_return known.status();
  response.set_order(*known);
  co_return absl::OkStatus();
}

}  // namespace

void RegisterArchiveMethods(ProfileParts& parts,
                            rpc::Server::Builder& builder) {
  builder.ServerStreaming<v1::ExportRequest, v1::ExportResponse>(
      "/mitra.v1.Archive/Export",
      [&parts](CallContext& call, const v1::ExportRequest& request,
               rpc::Writer<v1::ExportResponse>& writer) {
        return Export(parts, call, request, writer);
      });
  builder.Unary<v1::TraceMemberRequest, v1::MemberTrace>(
      "/mitra.v1.Archive/TraceMember",
      [&parts](CallContext& call, const v1::TraceMemberRequest& request,
               v1::MemberTrace& response) {
        return TraceMember(parts, call, request, response);
      });
  builder.Unary<v1::CreateBackupRequest, v1::Backup>(
      "/mitra.v1.Archive/CreateBackup",
      [&parts](CallContext& call, const v1::CreateBackupRequest& request,
               v1::Backup& response) {
        return CreateBackup(parts, call, request, response);
      });
  builder.Unary<v1::ListBackupsRequest, v1::ListBackupsResponse>(
      "/mitra.v1.Archive/ListBackups",
      [&parts](CallContext& call, const v1::ListBackupsRequest&,
               v1::ListBackupsResponse& response) {
        return ListBackups(parts, call, response);
      });
  builder.ServerStreaming<v1::WatchEventsRequest, v1::WatchEventsResponse>(
      "/mitra.v1.Events/WatchEvents",
      [&parts](CallContext& call, const v1::WatchEventsRequest& request,
               rpc::Writer<v1::WatchEventsResponse>& writer) {
        return WatchEvents(parts, call, request, writer);
      });
  builder.Unary<v1::TellEpochRequest, v1::TellEpochResponse>(
      "/mitra.v1.Events/TellEpoch",
      [&parts](CallContext& call, const v1::TellEpochRequest& request,
               v1::TellEpochResponse& response) {
        return TellEpoch(parts, call, request, response);
      });
}

}  // namespace mitra::profile
