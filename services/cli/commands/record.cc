// Commands on the record: get, list, delete, block, unblock, consent, verify.

#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/taxonomy/names.h"
#include "common/taxonomy/region.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

std::string Roles(const v1::Profile& profile, taxonomy::Language language) {
  std::vector<std::string> names;
  for (const v1::Facet& facet : profile.facets()) {
    names.emplace_back(taxonomy::RoleName(facet.role(), language));
  }
  return absl::StrJoin(names, ", ");
}

void PrintProfile(const v1::Profile& profile, taxonomy::Language language) {
  std::cout << profile.display_name() << " (" << profile.profile_id() << ")\n"
            << "  " << taxonomy::KindName(profile.kind(), language) << ", "
            << Roles(profile, language) << "\n  "
            << taxonomy::RegionFullName(profile.region_code()) << "\n";
  if (!profile.about().empty()) std::cout << "  " << profile.about() << "\n";
  for (const v1::Facet& facet : profile.facets()) {
    for (const v1::Need& need : facet.needs()) {
      std::cout << "  - " << taxonomy::ResourceName(need.resource(), language)
                << ": " << need.text() << (need.expired() ? " (expired)" : "")
                << "\n";
    }
    for (const v1::Offer& offer : facet.offers()) {
      std::cout << "  + " << taxonomy::ResourceName(offer.resource(), language)
                << ": " << offer.text() << (offer.expired() ? " (expired)" : "")
                << "\n";
    }
  }
  std::cout << "  revision " << profile.revision() << ", etag "
            << profile.etag() << "\n";
}

int Get(const Globals& globals, const std::string& id) {
  const Connection connection(globals);
  auto stub = v1::Profiles::NewStub(connection.channel());
  v1::GetProfileRequest request;
  request.set_profile_id(id);
  v1::Profile profile;
  const grpc::Status status = Call(
      connection, *stub, &v1::Profiles::Stub::GetProfile, request, profile);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, profile);
  } else {
    PrintProfile(profile, taxonomy::LanguageOf(globals.language));
  }
  return kOk;
}

int List(const Globals& globals, int limit) {
  const Connection connection(globals);
  auto stub = v1::Profiles::NewStub(connection.channel());
  const auto language = taxonomy::LanguageOf(globals.language);
  Table table({"id", "name", "roles", "region"});
  table.KeepWhole({"id"});
  v1::ListProfilesRequest request;
  v1::ListProfilesResponse all;
  int left = limit;
  while (left > 0) {
    request.set_page_size(std::min(left, 1000));
    v1::ListProfilesResponse response;
    const grpc::Status status =
        Call(connection, *stub, &v1::Profiles::Stub::ListProfiles, request,
             response);
    if (!status.ok()) return Report(status);
    all.MergeFrom(response);
    for (const v1::Profile& profile : response.profiles()) {
      table.AddRow({profile.profile_id(), profile.display_name(),
                    Roles(profile, language),
                    std::string(taxonomy::RegionName(profile.region_code()))});
    }
    left -= response.profiles_size();
    if (response.next_page_token().empty()) break;
    request.set_page_token(response.next_page_token());
  }
  if (globals.json()) {
    PrintMessage(globals, all);
  } else {
    std::cout << table.Render(TerminalWidth());
  }
  return kOk;
}

// Asks a person; a program is taken at its word.
bool IsSure(const std::string& question) {
  if (isatty(STDIN_FILENO) != 1) return true;
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int Delete(const Globals& globals, const std::string& id, bool sure) {
  if (!sure &&
      !IsSure(absl::StrCat("Delete ", id, " with all that belongs to it?"))) {
    std::cerr << "mitra: nothing was deleted\n";
    return kFailed;
  }
  const Connection connection(globals);
  auto stub = v1::Profiles::NewStub(connection.channel());
  v1::DeleteProfileRequest request;
  request.set_profile_id(id);
  v1::DeleteProfileResponse response;
  const grpc::Status status = Call(
      connection, *stub, &v1::Profiles::Stub::DeleteProfile, request, response);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, response);
  } else {
    std::cout << "deleted at revision " << response.revision() << "\n";
  }
  return kOk;
}

int Block(const Globals& globals, const std::string& a, const std::string& b,
          bool remove) {
  const Connection connection(globals);
  auto stub = v1::Relations::NewStub(connection.channel());
  if (remove) {
    v1::DeleteBlockRequest request;
    request.set_blocker_id(a);
    request.set_blocked_id(b);
    google::protobuf::Empty response;
    return Report(Call(connection, *stub, &v1::Relations::Stub::DeleteBlock,
                       request, response));
  }
  v1::CreateBlockRequest request;
  request.set_blocker_id(a);
  request.set_blocked_id(b);
  v1::Block response;
  return Report(Call(connection, *stub, &v1::Relations::Stub::CreateBlock,
                     request, response));
}

int Consent(const Globals& globals, const std::string& id,
            const std::string& purpose, const std::string& receipt,
            bool withdraw) {
  const auto value = ParseEnumWord(*v1::ConsentPurpose_descriptor(),
                                   "CONSENT_PURPOSE_", purpose, "--purpose");
  if (!value.ok()) {
    std::cerr << "mitra: " << value.status().message() << "\n";
    return kUsage;
  }
  const Connection connection(globals);
  auto stub = v1::Relations::NewStub(connection.channel());
  v1::SetConsentRequest request;
  request.set_profile_id(id);
  request.set_purpose(static_cast<v1::ConsentPurpose>(*value));
  request.set_granted(!withdraw);
  request.set_receipt_id(receipt);
  v1::Consent response;
  return Report(Call(connection, *stub, &v1::Relations::Stub::SetConsent,
                     request, response));
}

int Verify(const Globals& globals, const std::string& id,
           const std::string& by) {
  const Connection connection(globals);
  auto stub = v1::Profiles::NewStub(connection.channel());
  v1::VerifyProfileRequest request;
  request.set_profile_id(id);
  request.set_verified_by(by);
  v1::Profile response;
  return Report(Call(connection, *stub, &v1::Profiles::Stub::VerifyProfile,
                     request, response));
}

}  // namespace

void AddRecordCommands(CLI::App& app, const Globals& globals, Action& action) {
  struct Options {
    std::string a, b, purpose = "path_naming", receipt, by;
    int limit = 20;
    bool withdraw = false, sure = false;
  };
  auto o = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* help, const Action& run) {
    auto* command = app.add_subcommand(name, help);
    command->callback([&action, run] { action = run; });
    return command;
  };
  add("get", "Show a member.\n  mitra get umkm-000123",
      [o, &globals] { return Get(globals, o->a); })
      ->add_option("id", o->a)
      ->required();
  add("list", "List members by id.\n  mitra list --limit 50",
      [o, &globals] { return List(globals, o->limit); })
      ->add_option("--limit", o->limit, "How many")
      ->check(CLI::Range(1, 100'000));
  auto* remove_one =
      add("delete",
          "Delete a member with all that belongs to it.\n"
          "  mitra delete umkm-000123 --yes",
          [o, &globals] { return Delete(globals, o->a, o->sure); });
  remove_one->add_option("id", o->a)->required();
  remove_one->add_flag("--yes", o->sure, "Do not ask");
  for (const bool remove : {false, true}) {
    auto* command = add(
        remove ? "unblock" : "block",
        remove ? "Take a block back." : "A no longer sees B.",
        [o, &globals, remove] { return Block(globals, o->a, o->b, remove); });
    command->add_option("a", o->a)->required();
    command->add_option("b", o->b)->required();
  }
  auto* consent =
      add("consent",
          "Record a consent.\n"
          "  mitra consent umkm-000123 --purpose path_naming --receipt form-17",
          [o, &globals] {
            return Consent(globals, o->a, o->purpose, o->receipt, o->withdraw);
          });
  consent->add_option("id", o->a)->required();
  consent->add_option("--purpose", o->purpose,
                      "path_naming, introduction, reputation_proof, learning");
  consent->add_option("--receipt", o->receipt, "Your receipt")->required();
  consent->add_flag("--withdraw", o->withdraw, "Take it back");
  auto* verify = add("verify",
                     "Record who checked a member's identity.\n"
                     "  mitra verify umkm-000123 --by dinas-koperasi",
                     [o, &globals] { return Verify(globals, o->a, o->by); });
  verify->add_option("id", o->a)->required();
  verify->add_option("--by", o->by, "Who; empty takes it back")->required();
}

}  // namespace mitra::cli
