// Backups of the record: made by its service, checked and restored from files.

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "mitra/v1/archive_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/output/table.h"
#include "services/profile/backup/restore.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string name;
  std::string folder;
  std::string into;
};

std::string TimeText(int64_t seconds) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(seconds),
                          absl::UTCTimeZone());
}

int Create(const Globals& globals, const Options& o) {
  const Connection connection(globals);
  auto stub = v1::Archive::NewStub(connection.channel());
  grpc::ClientContext context;
  // As long as the record is large.
  if (!connection.PrepareStream(context)) return kUsage;
  v1::CreateBackupRequest request;
  request.set_name(o.name);
  v1::Backup backup;
  const grpc::Status status = stub->CreateBackup(&context, request, &backup);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, backup);
  } else {
    std::cout << backup.name() << ": " << backup.members()
              << " members at revision " << backup.revision() << ", "
              << backup.bytes() << " bytes\n";
  }
  return kOk;
}

int List(const Globals& globals) {
  const Connection connection(globals);
  auto stub = v1::Archive::NewStub(connection.channel());
  v1::ListBackupsResponse response;
  const grpc::Status status =
      Call(connection, *stub, &v1::Archive::Stub::ListBackups,
           v1::ListBackupsRequest(), response);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, response);
    return kOk;
  }
  Table table({"name", "made (UTC)", "members", "revision", "bytes"});
  table.KeepWhole({"name"});
  for (const v1::Backup& backup : response.backups()) {
    table.AddRow({backup.name(), TimeText(backup.create_time().seconds()),
                  absl::StrCat(backup.members()),
                  absl::StrCat(backup.revision()),
                  absl::StrCat(backup.bytes())});
  }
  std::cout << table.Render(TerminalWidth());
  return kOk;
}

int Fail(const absl::Status& status) {
  std::cerr << "mitra: " << status.message() << "\n";
  return kFailed;
}

int Verify(const Options& o) {
  const auto info = profile::BackupFolder(o.folder).Verify(o.name);
  if (!info.ok()) return Fail(info.status());
  std::cout << info->name << ": good, " << info->members
            << " members at revision " << info->revision << "\n";
  return kOk;
}

int Restore(const Options& o) {
  const auto report =
      profile::RestoreRecord(profile::BackupFolder(o.folder), o.name, o.into);
  if (!report.ok()) return Fail(report.status());
  std::cout << "restored " << report->backup.members - report->deleted
            << " members into " << o.into << " as of revision "
            << report->backup.revision << "; " << report->deleted
            << " deleted since stay deleted\n";
  return kOk;
}

}  // namespace

void AddBackupCommands(CLI::App& app, const Globals& globals, Action& action) {
  auto o = std::make_shared<Options>();
  auto* backup = app.add_subcommand("backup", "Backups of the record.");
  backup->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, const Action& run) {
    auto* command = backup->add_subcommand(name, help);
    command->callback([&action, run] { action = run; });
    return command;
  };
  add("create", "Make one while the record is in use.", [o, &globals] {
    return Create(globals, *o);
  })->add_option("--name", o->name, "Its name; default: the time");
  add("list", "Those in the service's folder.",
      [&globals] { return List(globals); });
  auto* verify = add("verify",
                     "Read one whole, on the machine where it lies.\n"
                     "  mitra backup verify build/cluster/backups monday",
                     [o] { return Verify(*o); });
  auto* restore =
      add("restore",
          "Make a record from one; start mitra-profile on it afterwards.\n"
          "  mitra backup restore build/cluster/backups monday --into "
          "/var/lib/mitra/profile",
          [o] { return Restore(*o); });
  for (auto* command : {verify, restore}) {
    command->add_option("folder", o->folder, "Folder of backups")->required();
    command->add_option("name", o->name, "Which")->required();
  }
  restore
      ->add_option("--into", o->into, "Folder of the record; empty or absent")
      ->required();
}

}  // namespace mitra::cli
