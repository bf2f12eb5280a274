// merge, seed: who is who, and whose word counts from the start.

#include <fstream>
#include <iostream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "services/cli/commands/commands.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string into, from, by, file;
  std::vector<std::string> ids;
  bool lift = false;
};

int Merge(const Globals& globals, const Options& options) {
  const Connection connection(globals);
  auto stub = v1::Profiles::NewStub(connection.channel());
  v1::MergeProfilesRequest request;
  request.set_into_profile_id(options.into);
  request.set_from_profile_id(options.from);
  v1::Profile profile;
  const grpc::Status status = Call(
      connection, *stub, &v1::Profiles::Stub::MergeProfiles, request, profile);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, profile);
  } else {
    std::cout << options.from << " is " << profile.profile_id()
              << " from now on, revision " << profile.revision() << "\n";
  }
  return kOk;
}

// The ids of the command line and of the file, one a line. False, after saying
// why, if the file cannot be read.
bool AllIds(const Options& options, std::vector<std::string>& ids) {
  ids = options.ids;
  if (options.file.empty()) return true;
  std::ifstream opened;
  if (options.file != "-") opened.open(options.file);
  std::istream& in = options.file == "-" ? std::cin : opened;
  std::string line;
  while (std::getline(in, line)) {
    const std::string id(absl::StripAsciiWhitespace(line));
    if (!id.empty()) ids.push_back(id);
  }
  if (options.file == "-" || opened.eof()) return true;
  std::cerr << "mitra: --file: " << options.file << " cannot be read\n";
  return false;
}

int Seed(const Globals& globals, const Options& options) {
  std::vector<std::string> ids;
  if (!AllIds(options, ids)) return kUsage;
  if (ids.empty()) {
    std::cerr << "mitra: seed whom? Give ids, or --file\n";
    return kUsage;
  }
  if (options.by.empty() != options.lift) {
    std::cerr << "mitra: --by says who checked them; --lift takes it back\n";
    return kUsage;
  }
  const Connection connection(globals);
  auto stub = v1::Profiles::NewStub(connection.channel());
  size_t done = 0;
  int code = kOk;
  for (const std::string& id : ids) {
    v1::VerifyProfileRequest request;
    request.set_profile_id(id);
    request.set_verified_by(options.by);
    v1::Profile profile;
    const grpc::Status status =
        Call(connection, *stub, &v1::Profiles::Stub::VerifyProfile, request,
             profile);
    if (status.ok()) {
      ++done;
      continue;
    }
    std::cerr << id << ": ";
    code = Report(status);
    if (code == kUnreachable) break;  // so it is for all others
  }
  std::cerr << done << " of " << ids.size()
            << (options.lift ? " are no seeds any more\n" : " are seeds now\n");
  return code;
}

}  // namespace

void AddIdentityCommands(CLI::App& app, const Globals& globals,
                         Action& action) {
  auto o = std::make_shared<Options>();
  auto* merge = app.add_subcommand(
      "merge",
      "Make two entries of one member one; the other id leads to it.\n"
      "  mitra merge umkm-000123 pasar-77");
  merge->add_option("into", o->into, "Who stays")->required();
  merge->add_option("from", o->from, "Who goes")->required();
  merge->callback([o, &globals, &action] {
    action = [o, &globals] { return Merge(globals, *o); };
  });
  auto* seed = app.add_subcommand(
      "seed",
      "Make members seeds of reputation: verified, their word counts first.\n"
      "  mitra seed koperasi-000004 koperasi-000009 --by dinas-koperasi\n"
      "  mitra seed --file seeds.txt --by dinas-koperasi");
  seed->add_option("ids", o->ids, "Whom");
  seed->add_option("--file", o->file, "Ids, one a line; - is standard input");
  seed->add_option("--by", o->by, "Who checked them");
  seed->add_flag("--lift", o->lift, "Take it back");
  seed->callback([o, &globals, &action] {
    action = [o, &globals] { return Seed(globals, *o); };
  });
}

}  // namespace mitra::cli
