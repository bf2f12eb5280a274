// recommend, explain, why-not, trust, diagnose, search.

#include <algorithm>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/taxonomy/bands.h"
#include "common/taxonomy/names.h"
#include "common/taxonomy/region.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "mitra/v1/search_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string subject, candidate, kinds = "mentor,partner", explain = "reasons";
  std::vector<std::string> words, exclude, regions, roles;
  int count = 10;
  double subject_weight = -1;
  bool seats_free = false, fresh = false;
};

absl::StatusOr<int> KindOf(absl::string_view word) {
  return ParseEnumWord(*v1::RecommendationKind_descriptor(),
                       "RECOMMENDATION_KIND_", word, "--kind");
}

// Adds the roles of --role; says what is no role.
bool AddRoles(const Options& o, google::protobuf::RepeatedField<int>& roles) {
  for (const std::string& word : o.roles) {
    const auto role =
        ParseEnumWord(*v1::Role_descriptor(), "ROLE_", word, "--role");
    if (!role.ok()) {
      std::cerr << "mitra: " << role.status().message() << "\n";
      return false;
    }
    roles.Add(*role);
  }
  return true;
}

std::string Percent(double share) {
  return absl::StrFormat("%.0f%%", share * 100);
}

// The reasons and the path of a recommendation, as notes under its row.
void AddNotes(const v1::Recommendation& r, Table& table) {
  int shown = 0;
  for (const v1::Reason& reason : r.reasons()) {
    if (++shown > 4) break;
    table.AddNote(
        absl::StrCat(reason.for_candidate() ? "↔ " : "• ", reason.text()));
  }
  if (!r.path().text().empty())
    table.AddNote(absl::StrCat("→ ", r.path().text()));
  for (const v1::ScoreTerm& term : r.terms()) {
    table.AddNote(absl::StrFormat("%s = %.3f → %+.3f%s", term.name(),
                                  term.value(), term.contribution(),
                                  term.missing() ? " (missing)" : ""));
  }
}

std::string SourceName(const v1::Slate& slate) {
  switch (slate.source()) {
    case v1::SLATE_SOURCE_CACHED:
      return "cached";
    case v1::SLATE_SOURCE_PUBLISHED:
      return "published";
    default:
      return "computed";
  }
}

void PrintSlate(const v1::Slate& slate, taxonomy::Language language) {
  std::cout << "\n== "
            << taxonomy::RecommendationKindName(slate.kind(), language) << " ("
            << SourceName(slate) << ")\n";
  std::vector<std::string> remarks;
  for (const int reason : slate.degraded()) {
    remarks.push_back(absl::StrCat(
        "degraded: ",
        v1::DegradedReason_Name(static_cast<v1::DegradedReason>(reason))));
  }
  if (slate.supply().paused()) {
    remarks.push_back(absl::StrFormat(
        "paused: %.2f free seats for each who seeks, fewer than %.2f",
        slate.supply().seats_per_seeker_with_standby(),
        slate.supply().pause_below()));
  }
  for (const std::string& missing : slate.missing_signals()) {
    remarks.push_back(absl::StrCat("not known of the subject: ", missing));
  }
  if (slate.has_eligible()) {
    remarks.push_back(absl::StrCat("only ", slate.eligible(), " qualify"));
  }
  for (const std::string& line :
       WrapText(absl::StrJoin(remarks, "; "), TerminalWidth() - 3)) {
    if (!line.empty()) std::cout << "   " << line << "\n";
  }
  Table table({"#", "name", "id", "role", "region", "fit", "score", "trust"});
  table.KeepWhole({"id"});
  int rank = 0;
  for (const v1::Recommendation& r : slate.recommendations()) {
    table.AddRow({absl::StrCat(++rank), r.display_name(), r.profile_id(),
                  std::string(taxonomy::RoleName(r.role(), language)),
                  std::string(taxonomy::RegionName(
                      taxonomy::AncestorAt(r.region_code(), 2))),
                  std::string(taxonomy::FitBand(r.score(), language)),
                  absl::StrFormat("%.3f", r.score()),
                  absl::StrFormat("%.2f", r.trust())});
    AddNotes(r, table);
  }
  std::cout << table.Render(TerminalWidth());
}

int Recommend(const Globals& globals, const Options& o) {
  v1::RecommendRequest request;
  request.set_profile_id(o.subject);
  request.set_page_size(o.count);
  request.set_language(globals.language);
  for (absl::string_view word : absl::StrSplit(o.kinds, ',')) {
    const auto kind = KindOf(word);
    if (!kind.ok()) {
      std::cerr << "mitra: " << kind.status().message() << "\n";
      return kUsage;
    }
    request.add_kinds(static_cast<v1::RecommendationKind>(*kind));
  }
  request.set_explanation(o.explain == "none" ? v1::EXPLANATION_LEVEL_NONE
                          : o.explain == "full"
                              ? v1::EXPLANATION_LEVEL_FULL
                              : v1::EXPLANATION_LEVEL_REASONS);
  if (o.subject_weight >= 0) request.set_subject_weight(o.subject_weight);
  request.set_fresh(o.fresh);
  for (const std::string& id : o.exclude) {
    request.mutable_filter()->add_exclude_ids(id);
  }
  for (const std::string& code : o.regions) {
    request.mutable_filter()->add_region_codes(code);
  }
  if (!AddRoles(o, *request.mutable_roles())) return kUsage;
  const Connection connection(globals);
  auto stub = v1::Recommendations::NewStub(connection.channel());
  v1::RecommendResponse response;
  const grpc::Status status =
      Call(connection, *stub, &v1::Recommendations::Stub::Recommend, request,
           response);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, response);
    return kOk;
  }
  for (const v1::Slate& slate : response.slates()) {
    PrintSlate(slate, taxonomy::LanguageOf(globals.language));
  }
  return kOk;
}

int Explain(const Globals& globals, const Options& o) {
  v1::ExplainPairRequest request;
  request.set_profile_id(o.subject);
  request.set_candidate_id(o.candidate);
  request.set_language(globals.language);
  if (!o.kinds.empty()) {
    const auto kind = KindOf(o.kinds);
    if (!kind.ok()) {
      std::cerr << "mitra: " << kind.status().message() << "\n";
      return kUsage;
    }
    request.set_kind(static_cast<v1::RecommendationKind>(*kind));
  }
  const Connection connection(globals);
  auto stub = v1::Recommendations::NewStub(connection.channel());
  v1::ExplainPairResponse response;
  const grpc::Status status =
      Call(connection, *stub, &v1::Recommendations::Stub::ExplainPair, request,
           response);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, response);
    return kOk;
  }
  const v1::Recommendation& r = response.recommendation();
  const auto language = taxonomy::LanguageOf(globals.language);
  std::cout << Paragraph(
      absl::StrCat(r.display_name(), " (", r.profile_id(), "), ",
                   taxonomy::RecommendationKindName(response.kind(), language),
                   ": ", taxonomy::FitBand(r.score(), language),
                   "; subject says yes: ",
                   taxonomy::LikelihoodBand(r.subject_wants(), language),
                   ", candidate says yes: ",
                   taxonomy::LikelihoodBand(r.candidate_accepts(), language)),
      2, TerminalWidth());
  Table table({""});
  table.AddRow({""});
  AddNotes(r, table);
  std::cout << table.Render(TerminalWidth());
  return kOk;
}

int WhyNot(const Globals& globals, const Options& o) {
  const auto kind = KindOf(o.kinds);
  if (!kind.ok()) {
    std::cerr << "mitra: " << kind.status().message() << "\n";
    return kUsage;
  }
  v1::WhyNotRequest request;
  request.set_profile_id(o.subject);
  request.set_candidate_id(o.candidate);
  request.set_kind(static_cast<v1::RecommendationKind>(*kind));
  request.set_language(globals.language);
  const Connection connection(globals);
  auto stub = v1::Recommendations::NewStub(connection.channel());
  v1::WhyNotResponse response;
  const grpc::Status status = Call(
      connection, *stub, &v1::Recommendations::Stub::WhyNot, request, response);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, response);
  } else {
    std::cout << Paragraph(absl::StrCat(v1::WhyNotCause_Name(response.cause()),
                                        ": ", response.text()),
                           2, TerminalWidth());
  }
  return kOk;
}

int Trust(const Globals& globals, const Options& o) {
  v1::GetTrustRequest request;
  request.set_profile_id(o.subject);
  request.set_target_id(o.candidate);
  request.set_language(globals.language);
  const Connection connection(globals);
  auto stub = v1::Recommendations::NewStub(connection.channel());
  v1::GetTrustResponse response;
  const grpc::Status status =
      Call(connection, *stub, &v1::Recommendations::Stub::GetTrust, request,
           response);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, response);
    return kOk;
  }
  std::cout << Paragraph(
      absl::StrFormat("trust %.3f (walk mass %.2e, left out at most %.2e)",
                      response.trust(), response.walk_mass(),
                      response.residual()),
      2, TerminalWidth());
  std::cout << (response.has_reputation()
                    ? absl::StrFormat("reputation %.2f from %d pieces\n",
                                      response.reputation(),
                                      response.evidence_count())
                    : absl::StrFormat("new: %d pieces of evidence\n",
                                      response.evidence_count()));
  std::cout << Paragraph(response.path().text(), 0, TerminalWidth());
  return kOk;
}

int Diagnose(const Globals& globals, const Options& o) {
  v1::DiagnoseCapitalRequest request;
  request.set_profile_id(o.subject);
  request.set_language(globals.language);
  const Connection connection(globals);
  auto stub = v1::Recommendations::NewStub(connection.channel());
  v1::DiagnoseCapitalResponse response;
  const grpc::Status status =
      Call(connection, *stub, &v1::Recommendations::Stub::DiagnoseCapital,
           request, response);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, response);
    return kOk;
  }
  for (const v1::CapitalScore& score : response.scores()) {
    const int filled = static_cast<int>(score.percentile() * 20);
    std::cout << absl::StrFormat("%-10s [%s%s] %4s\n",
                                 v1::CapitalDimension_Name(score.dimension())
                                     .substr(sizeof("CAPITAL_DIMENSION_") - 1),
                                 std::string(filled, '#'),
                                 std::string(20 - filled, '.'),
                                 Percent(score.percentile()))
              << "  " << Paragraph(score.text(), 2, TerminalWidth());
  }
  int number = 0;
  for (const v1::CapitalStep& step : response.steps()) {
    std::cout << Paragraph(absl::StrFormat("%d. %s (+%.0f)", ++number,
                                           step.text(), step.effect() * 100),
                           3, TerminalWidth());
  }
  return kOk;
}

int Search(const Globals& globals, const Options& o) {
  v1::SearchProfilesRequest request;
  request.set_query(absl::StrJoin(o.words, " "));
  request.set_page_size(o.count);
  if (!AddRoles(o, *request.mutable_roles())) return kUsage;
  for (const std::string& code : o.regions) {
    request.mutable_filter()->add_region_codes(code);
  }
  request.mutable_filter()->set_seats_free(o.seats_free);
  const Connection connection(globals);
  auto stub = v1::Search::NewStub(connection.channel());
  v1::SearchProfilesResponse response;
  const grpc::Status status = Call(
      connection, *stub, &v1::Search::Stub::SearchProfiles, request, response);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, response);
    return kOk;
  }
  const auto language = taxonomy::LanguageOf(globals.language);
  Table table({"name", "id", "role", "region", "score"});
  table.KeepWhole({"id"});
  for (const auto& hit : response.hits()) {
    table.AddRow({hit.display_name(), hit.profile_id(),
                  std::string(taxonomy::RoleName(hit.role(), language)),
                  std::string(taxonomy::RegionName(hit.region_code())),
                  Percent(hit.score())});
  }
  std::cout << table.Render(TerminalWidth());
  if (response.hits().empty()) std::cerr << "mitra: nobody was found\n";
  return kOk;
}

}  // namespace

void AddRecommendCommands(CLI::App& app, const Globals& globals,
                          Action& action) {
  using Run = int (*)(const Globals&, const Options&);
  const auto add = [&](const char* name, const char* help, Run run,
                       const std::shared_ptr<Options>& o) {
    auto* command = app.add_subcommand(name, help);
    command->callback([&action, &globals, run, o] {
      action = [&globals, run, o] { return run(globals, *o); };
    });
    return command;
  };
  auto r = std::make_shared<Options>();
  auto* recommend =
      add("recommend",
          "Recommend mentors, partners and others.\n"
          "  mitra recommend umkm-000123 --kind mentor,partner -n 5",
          Recommend, r);
  recommend->add_option("id", r->subject)->required();
  recommend->add_option("--kind", r->kinds,
                        "mentor, partner, peer, supplier, buyer, investor, "
                        "programme, community, event, facilitator");
  recommend->add_option("-n,--count,--limit", r->count, "How many of each")
      ->check(CLI::Range(1, 100));
  recommend->add_option("--explain", r->explain, "none, reasons or full")
      ->check(CLI::IsMember({"none", "reasons", "full"}));
  recommend->add_option("--exclude", r->exclude, "Not these members");
  recommend->add_option("--role", r->roles, "Only in these roles")
      ->delimiter(',');
  recommend->add_option("--region", r->regions, "Only inside these regions");
  recommend
      ->add_option("--weight", r->subject_weight,
                   "Whose interest counts: 1 only the member's, 0 only the "
                   "candidate's")
      ->check(CLI::Range(0.0, 1.0));
  recommend->add_flag("--fresh", r->fresh, "Compute anew");

  const auto pair = [&](const char* name, const char* help, Run run,
                        const char* kinds) {
    auto o = std::make_shared<Options>();
    o->kinds = kinds;
    auto* command = add(name, help, run, o);
    command->add_option("subject", o->subject)->required();
    command->add_option("candidate", o->candidate)->required();
    if (run != Trust) command->add_option("--kind", o->kinds, "As which kind");
  };
  pair("explain",
       "Why two members fit.\n  mitra explain umkm-000123 mentor-000001",
       Explain, "");
  pair("why-not",
       "Why a member is not recommended.\n"
       "  mitra why-not umkm-000123 mentor-000001 --kind mentor",
       WhyNot, "mentor");
  pair("trust",
       "How much one member can trust another, and through whom.\n"
       "  mitra trust umkm-000123 mentor-000001",
       Trust, "");
  auto d = std::make_shared<Options>();
  add("diagnose",
      "A member's social capital and what raises it.\n  mitra diagnose "
      "umkm-000123 --lang en",
      Diagnose, d)
      ->add_option("id", d->subject)
      ->required();
  auto s = std::make_shared<Options>();
  auto* search =
      add("search", "Find members by words.\n  mitra search keripik tempe",
          Search, s);
  search->add_option("words", s->words)->required();
  search->add_option("-n,--count,--limit", s->count, "How many")
      ->check(CLI::Range(1, 100));
  search->add_option("--role", s->roles, "Only in these roles")->delimiter(',');
  search->add_option("--region", s->regions, "Only inside these regions")
      ->delimiter(',');
  search->add_flag("--seats-free", s->seats_free, "Only with a free seat");
}

}  // namespace mitra::cli
