// Commands on ranking profiles: ranking check, show, diff, activate, split.

#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/security/private_file.h"
#include "common/status/status_macros.h"
#include "mitra/v1/rankings_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/output/table.h"
#include "services/matching/ranking/profile_file.h"
#include "services/matching/ranking/recommendation_kinds.h"

namespace mitra::cli {
namespace {

using matching::RankingProfile;

struct Options {
  std::vector<std::string> files, arms;
  std::string one, other;
  bool dry_run = false;
};

int Fail(absl::string_view what, const absl::Status& status) {
  std::cerr << "mitra: " << what << ": " << status.message() << "\n";
  return kFailed;
}

bool IsFile(const std::string& name) {
  std::error_code error;
  return std::filesystem::is_regular_file(name, error);
}

absl::StatusOr<RankingProfile> ReadFile(const std::string& path) {
  MITRA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path));
  return matching::ParseRankingProfile(text);
}

// A file, or the id of a profile that the cluster knows.
absl::StatusOr<RankingProfile> ReadProfile(const Globals& globals,
                                           const std::string& name) {
  if (IsFile(name)) return ReadFile(name);
  const Connection connection(globals);
  auto stub = v1::Rankings::NewStub(connection.channel());
  v1::GetRankingProfileRequest request;
  request.set_ranking_profile_id(name);
  v1::RankingProfileText text;
  const grpc::Status status = Call(
      connection, *stub, &v1::Rankings::Stub::GetRankingProfile, request, text);
  if (!status.ok()) {
    return absl::NotFoundError(
        absl::StrCat("neither a file nor known: ", status.error_message()));
  }
  return matching::ParseRankingProfile(text.toml());
}

int Check(const Globals& /*globals*/, const Options& o) {
  int code = kOk;
  for (const std::string& file : o.files) {
    const auto profile = ReadFile(file);
    if (!profile.ok()) {
      code = Fail(file, profile.status());
    } else {
      std::cout << file << ": " << profile->id << " is in order\n";
    }
  }
  return code;
}

void Print(const Globals& globals, const v1::Ranking& ranking) {
  if (globals.json()) return PrintMessage(globals, ranking);
  Table table({"profile", "share"});
  table.KeepWhole({"profile"});
  for (const v1::RankingArm& arm : ranking.arms()) {
    table.AddRow(
        {arm.ranking_profile_id(), absl::StrFormat("%.4g", arm.share())});
  }
  std::cout << table.Render(TerminalWidth())
            << "known: " << absl::StrJoin(ranking.ranking_profile_ids(), ", ")
            << "\n";
}

int Show(const Globals& globals, const Options& /*o*/) {
  const Connection connection(globals);
  auto stub = v1::Rankings::NewStub(connection.channel());
  v1::Ranking ranking;
  const grpc::Status status =
      Call(connection, *stub, &v1::Rankings::Stub::GetRanking,
           v1::GetRankingRequest(), ranking);
  if (!status.ok()) return Report(status);
  Print(globals, ranking);
  return kOk;
}

void AddChange(absl::string_view name, double before, double after,
               Table& table) {
  if (before == after) return;
  table.AddRow({std::string(name), absl::StrFormat("%.4g", before),
                absl::StrFormat("%.4g", after),
                absl::StrFormat("%+.4g", after - before)});
}

void AddSide(absl::string_view name, const matching::SideWeights& before,
             const matching::SideWeights& after, Table& table) {
  AddChange(absl::StrCat(name, ".bias"), double{before.bias},
            double{after.bias}, table);
  for (const matching::FeatureInfo& info : matching::AllFeatures()) {
    AddChange(absl::StrCat(name, ".", info.name), double{before[info.feature]},
              double{after[info.feature]}, table);
  }
}

// Factors of all sectors that one of the two names.
void AddTies(const RankingProfile& before, const RankingProfile& after,
             Table& table) {
  std::map<std::string, std::pair<matching::SectorTies, matching::SectorTies>>
      sectors;
  for (const auto& one : before.ties) sectors[one.sector].first = one;
  for (const auto& one : after.ties) sectors[one.sector].second = one;
  for (const auto& [sector, ties] : sectors) {
    const std::string name = absl::StrCat("ties.", sector);
    AddChange(name + ".strong", ties.first.strong, ties.second.strong, table);
    AddChange(name + ".weak", ties.first.weak, ties.second.weak, table);
  }
}

int Diff(const Globals& globals, const Options& o) {
  const auto before = ReadProfile(globals, o.one);
  if (!before.ok()) return Fail(o.one, before.status());
  const auto after = ReadProfile(globals, o.other);
  if (!after.ok()) return Fail(o.other, after.status());
  Table table({"weight", before->id, after->id, "change"});
  AddChange("beta", before->beta, after->beta, table);
  AddChange("newcomer_share", before->newcomer_share, after->newcomer_share,
            table);
  AddChange("bridging_share", before->bridging_share, after->bridging_share,
            table);
  static constexpr const char* kLevels[] = {"district", "regency", "province"};
  for (size_t i = 0; i < matching::kLocalLevels; ++i) {
    AddChange(absl::StrCat("local_shares.", kLevels[i]),
              before->local_shares[i], after->local_shares[i], table);
  }
  AddChange("random_share", before->random_share, after->random_share, table);
  AddTies(*before, *after, table);
  AddChange("fatigue", before->fatigue, after->fatigue, table);
  AddChange("group_cap", before->group_cap, after->group_cap, table);
  for (const matching::KindSpec& kind : matching::AllKinds()) {
    const auto& one = before->kinds[kind.kind];
    const auto& other = after->kinds[kind.kind];
    AddSide(absl::StrCat(kind.name, ".wants"), one.wants, other.wants, table);
    AddSide(absl::StrCat(kind.name, ".accepts"), one.accepts, other.accepts,
            table);
  }
  std::cout << table.Render(TerminalWidth());
  return kOk;
}

// Adds an arm, and the profile if `name` is a file.
absl::Status AddArm(const std::string& name, double share,
                    v1::ActivateRankingRequest& request) {
  std::string id = name;
  if (IsFile(name)) {
    MITRA_ASSIGN_OR_RETURN(const RankingProfile profile, ReadFile(name));
    id = profile.id;
    request.add_profiles()->set_toml(matching::RankingProfileToml(profile));
  }
  v1::RankingArm& arm = *request.add_arms();
  arm.set_ranking_profile_id(id);
  arm.set_share(share);
  return absl::OkStatus();
}

int Activate(const Globals& globals, const Options& o,
             v1::ActivateRankingRequest& request) {
  request.set_validate_only(o.dry_run);
  const Connection connection(globals);
  auto stub = v1::Rankings::NewStub(connection.channel());
  v1::Ranking ranking;
  const grpc::Status status =
      Call(connection, *stub, &v1::Rankings::Stub::ActivateRanking, request,
           ranking);
  if (!status.ok()) return Report(status);
  Print(globals, ranking);
  return kOk;
}

int ActivateOne(const Globals& globals, const Options& o) {
  v1::ActivateRankingRequest request;
  const absl::Status added = AddArm(o.one, 1, request);
  if (!added.ok()) return Fail(o.one, added);
  return Activate(globals, o, request);
}

int Split(const Globals& globals, const Options& o) {
  v1::ActivateRankingRequest request;
  for (const std::string& arm : o.arms) {
    const size_t at = arm.rfind('=');
    double share = 0;
    if (at == std::string::npos || at == 0 ||
        !absl::SimpleAtod(arm.substr(at + 1), &share)) {
      std::cerr << "mitra: " << arm << ": must be PROFILE=SHARE\n";
      return kUsage;
    }
    const absl::Status added = AddArm(arm.substr(0, at), share, request);
    if (!added.ok()) return Fail(arm, added);
  }
  return Activate(globals, o, request);
}

}  // namespace

void AddRankingCommands(CLI::App& app, const Globals& globals, Action& action) {
  using Run = int (*)(const Globals&, const Options&);
  auto* ranking = app.add_subcommand(
      "ranking",
      "Which weights order recommendations.\n"
      "  mitra ranking check learned-1.toml\n"
      "  mitra ranking split learned-1.toml=0.1 fixed-1=0.9\n"
      "  mitra ranking activate learned-1");
  ranking->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, Run run) {
    auto o = std::make_shared<Options>();
    auto* command = ranking->add_subcommand(name, help);
    command->callback([&action, &globals, run, o] {
      action = [&globals, run, o] { return run(globals, *o); };
    });
    return std::make_pair(command, o);
  };
  const auto [check, c] =
      add("check", "Whether profiles are in order; asks no cluster.", Check);
  check->add_option("files", c->files, "TOML files")->required();
  add("show", "Who is served by which profile.", Show);
  const auto [diff, d] =
      add("diff", "Weights in which two profiles differ.", Diff);
  diff->add_option("before", d->one, "A file or a known id")->required();
  diff->add_option("after", d->other, "A file or a known id")->required();
  const auto [activate, a] = add(
      "activate", "Serve everybody by one profile from now on.", ActivateOne);
  activate->add_option("profile", a->one, "A file or a known id")->required();
  activate->add_flag("--dry-run", a->dry_run, "Check only");
  const auto [split, s] =
      add("split", "Serve shares of the members by several profiles.", Split);
  split->add_option("arms", s->arms, "PROFILE=SHARE, shares add up to 1")
      ->required();
  split->add_flag("--dry-run", s->dry_run, "Check only");
}

}  // namespace mitra::cli
