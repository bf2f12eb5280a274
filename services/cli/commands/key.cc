#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/security/api_key.h"
#include "services/cli/commands/commands.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string file, label, member, delegate, id;
  std::vector<std::string> scopes = {"*"};
  int days = 0;
  double units_per_second = 0, burst_units = 0;
};

int Fail(const absl::Status& status) {
  std::cerr << "mitra: " << status.message() << "\n";
  // A field of the command line, or a file that it names.
  const bool typed =
      absl::IsInvalidArgument(status) || absl::IsNotFound(status);
  return typed ? kUsage : kFailed;
}

int Create(const Options& o) {
  const absl::Time expires = o.days > 0 ? absl::Now() + absl::Hours(24) * o.days
                                        : absl::InfiniteFuture();
  auto key = MakeApiKey(o.label, o.scopes, o.member, expires);
  if (!key.ok()) return Fail(key.status());
  if (!o.delegate.empty()) {
    const absl::Status set = SetKeyDelegate(o.delegate, key->record);
    if (!set.ok()) return Fail(set);
  }
  const absl::Status quota =
      SetKeyQuota(o.units_per_second, o.burst_units, key->record);
  if (!quota.ok()) return Fail(quota);
  const absl::Status stored = AppendKeyRecord(o.file, key->record);
  if (!stored.ok()) return Fail(stored);
  std::cerr << "The key is shown once; keep it.\n";
  std::cout << key->text << "\n";
  return kOk;
}

int List(const Options& o) {
  const auto keys = LoadKeyFile(o.file);
  if (!keys.ok()) return Fail(keys.status());
  Table table(
      {"id", "label", "member", "scopes", "quota/s", "expires", "state"});
  table.KeepWhole({"id", "member"});
  for (const KeyRecord& record : (*keys)->records()) {
    const bool endless = record.expire_time == absl::InfiniteFuture();
    table.AddRow({record.id, record.label,
                  record.delegate_id.empty()
                      ? record.member_id
                      : record.member_id + " by " + record.delegate_id,
                  absl::StrJoin(record.scopes, ","),
                  record.units_per_second > 0
                      ? absl::StrCat(record.units_per_second)
                      : "",
                  endless ? "never"
                          : absl::FormatTime("%Y-%m-%d", record.expire_time,
                                             absl::UTCTimeZone()),
                  record.revoked                     ? "revoked"
                  : absl::Now() > record.expire_time ? "expired"
                                                     : "good"});
  }
  std::cout << table.Render(TerminalWidth());
  return kOk;
}

int Revoke(const Options& o) {
  const absl::Status revoked = RevokeKey(o.file, o.id);
  return revoked.ok() ? kOk : Fail(revoked);
}

}  // namespace

void AddKeyCommands(CLI::App& app, const Globals& /*globals*/, Action& action) {
  auto o = std::make_shared<Options>();
  auto* key = app.add_subcommand("key",
                                 "API keys in a key file.\n"
                                 "  mitra key create --file keys.jsonl --label "
                                 "pasar --scopes profiles:read");
  key->require_subcommand(1);
  using Run = int (*)(const Options&);
  const auto add = [&](const char* name, const char* help, Run run) {
    auto* command = key->add_subcommand(name, help);
    command->callback(
        [&action, run, o] { action = [run, o] { return run(*o); }; });
    command->add_option("--file", o->file, "The key file")->required();
    return command;
  };
  auto* create = add("create", "Make a key and show it once", Create);
  create->add_option("--label", o->label, "Names the credential")->required();
  create->add_option("--scopes", o->scopes, "Scopes, * for all")
      ->delimiter(',');
  create->add_option("--member", o->member, "The member that it belongs to");
  create->add_option("--delegate", o->delegate,
                     "The member that acts for --member by it; wants --days "
                     "and the member's consent to delegation");
  create->add_option("--days", o->days, "Days until it expires; 0: never");
  create->add_option("--units-per-second", o->units_per_second,
                     "The key's own quota, in the methods' cost; 0: as the "
                     "gateway is configured");
  create->add_option("--burst-units", o->burst_units,
                     "How much of it may be saved up; 0: what flows in during "
                     "a second");
  add("list", "List keys", List);
  add("revoke", "Revoke a key", Revoke)->add_option("id", o->id)->required();
}

}  // namespace mitra::cli
