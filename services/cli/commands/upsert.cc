// upsert, suspend: single changes of the record.

#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "services/cli/commands/commands.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string file = "-", id;
  bool check = false, lift = false;
};

// The profiles of a JSON text: one object, a list, or an object a line.
// Nothing, after saying why, if it is not understood.
std::vector<v1::Profile> ParseProfiles(const std::string& text) {
  std::vector<nlohmann::json> values;
  auto whole = nlohmann::json::parse(text, nullptr, false);
  if (whole.is_array()) {
    values.assign(whole.begin(), whole.end());
  } else if (whole.is_object()) {
    values.push_back(std::move(whole));
  } else {
    size_t begin = 0;
    while (begin < text.size()) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      if (text.find_first_not_of(" \t\r", begin) < end) {
        values.push_back(nlohmann::json::parse(text.substr(begin, end - begin),
                                               nullptr, false));
      }
      begin = end + 1;
    }
  }
  std::vector<v1::Profile> profiles;
  for (const nlohmann::json& value : values) {
    v1::Profile profile;
    std::string why = "not JSON";
    if (!value.is_discarded()) {
      const auto parsed =
          google::protobuf::util::JsonStringToMessage(value.dump(), &profile);
      why = parsed.ok() ? "" : std::string(parsed.message());
    }
    if (!why.empty()) {
      std::cerr << "mitra: profile " << profiles.size() + 1 << ": " << why
                << "\n";
      return {};
    }
    profiles.push_back(std::move(profile));
  }
  if (profiles.empty()) std::cerr << "mitra: no profile was given\n";
  return profiles;
}

int Upsert(const Globals& globals, const Options& o) {
  std::ifstream file;
  if (o.file != "-") file.open(o.file, std::ios::binary);
  std::istream& in = o.file == "-" ? std::cin : file;
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) {
    std::cerr << "mitra: " << o.file << ": cannot be read\n";
    return kUsage;
  }
  const std::vector<v1::Profile> profiles = ParseProfiles(text);
  if (profiles.empty()) return kUsage;
  const Connection connection(globals);
  auto stub = v1::Profiles::NewStub(connection.channel());
  int code = kOk;
  for (const v1::Profile& profile : profiles) {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = profile;
    request.set_validate_only(o.check);
    v1::Profile stored;
    const grpc::Status status = Call(
        connection, *stub, &v1::Profiles::Stub::UpsertProfile, request, stored);
    if (!status.ok()) {
      std::cerr << profile.profile_id() << ": ";
      code = Report(status);
      if (code == kUnreachable) return code;
    } else if (globals.json()) {
      PrintMessage(globals, stored);
    } else {
      std::cout << stored.profile_id()
                << (o.check
                        ? " is good"
                        : absl::StrCat(" is at revision ", stored.revision()))
                << "\n";
    }
  }
  return code;
}

int Suspend(const Globals& globals, const Options& o) {
  const Connection connection(globals);
  auto stub = v1::Profiles::NewStub(connection.channel());
  v1::UpdateProfileRequest request;
  request.mutable_profile()->set_profile_id(o.id);
  request.mutable_profile()->set_hidden(!o.lift);
  request.mutable_update_mask()->add_paths("hidden");
  v1::Profile profile;
  const grpc::Status status = Call(
      connection, *stub, &v1::Profiles::Stub::UpdateProfile, request, profile);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, profile);
  } else {
    std::cout << profile.profile_id()
              << (profile.hidden() ? " is hidden" : " is shown again")
              << " since revision " << profile.revision() << "\n";
  }
  return kOk;
}

}  // namespace

void AddUpsertCommands(CLI::App& app, const Globals& globals, Action& action) {
  auto o = std::make_shared<Options>();
  auto* upsert = app.add_subcommand(
      "upsert",
      "Create or replace members, one by one; for many see import.\n"
      "  mitra get umkm-000123 -o json > a.json; mitra upsert a.json\n"
      "  echo '{\"profileId\": …}' | mitra upsert --check");
  upsert->callback(
      [&, o] { action = [&globals, o] { return Upsert(globals, *o); }; });
  upsert->add_option("file", o->file,
                     "JSON: a profile, a list, or one a line; - for standard "
                     "input");
  upsert->add_flag("--check", o->check, "Check, store nothing");
  auto* suspend = app.add_subcommand(
      "suspend",
      "Show a member to nobody, at once; nothing is deleted.\n"
      "  mitra suspend umkm-000123\n"
      "  mitra suspend umkm-000123 --lift");
  suspend->callback(
      [&, o] { action = [&globals, o] { return Suspend(globals, *o); }; });
  suspend->add_option("id", o->id)->required();
  suspend->add_flag("--lift", o->lift, "Show it again");
}

}  // namespace mitra::cli
