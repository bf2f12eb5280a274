// Everything that the record holds, as lines of NDJSON.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "mitra/v1/archive_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/progress.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> kinds;
  bool contacts = false;
  bool resume = false;
  int patience = 60;
};

std::string LineOf(const v1::ExportRow& row) {
  switch (row.record_case()) {
    case v1::ExportRow::kProfile:
      return ToJsonRow(row.profile());
    case v1::ExportRow::kEvidence:
      return ToJsonRow(row.evidence());
    case v1::ExportRow::kConsent:
      return ToJsonRow(row.consent());
    case v1::ExportRow::kBlock:
      return ToJsonRow(row.block());
    case v1::ExportRow::kEngagement:
      return ToJsonRow(row.engagement());
    case v1::ExportRow::kFeedback:
      return ToJsonRow(row.feedback());
    case v1::ExportRow::RECORD_NOT_SET:
      break;
  }
  return "";
}

// The output with a note beside it of how far it is whole: bytes, then the
// token of what follows.
class Output {
 public:
  explicit Output(const Options& o)
      : path_(o.file), note_(o.file + ".progress") {
    if (path_ == "-") return;
    std::error_code error;
    if (o.resume) {
      std::ifstream in(note_);
      uint64_t bytes = 0;
      if (in >> bytes >> token_) std::filesystem::resize_file(path_, bytes);
      resumed_ = !token_.empty();
    }
    file_.open(path_, resumed_ ? std::ios::app : std::ios::trunc);
  }

  bool good() { return path_ == "-" ? std::cout.good() : file_.good(); }
  bool resumed() const { return resumed_; }
  const std::string& token() const { return token_; }

  // False if the disk did not take it.
  bool Write(const v1::ExportResponse& page) {
    std::ostream& out = path_ == "-" ? std::cout : file_;
    for (const v1::ExportRow& row : page.rows()) out << LineOf(row) << "\n";
    out.flush();
    token_ = page.resume_token();
    if (path_ == "-" || !out) return out.good();
    std::ofstream note(note_ + ".partial");
    note << file_.tellp() << " " << token_ << "\n";
    note.close();
    return note &&
           std::rename((note_ + ".partial").c_str(), note_.c_str()) == 0;
  }
  void Done() {
    if (path_ != "-") (void)std::remove(note_.c_str());
  }

 private:
  const std::string path_;
  const std::string note_;
  std::ofstream file_;
  std::string token_;
  bool resumed_ = false;
};

int Export(const Globals& globals, const Options& o) {
  v1::ExportRequest request;
  request.set_include_contacts(o.contacts);
  for (const std::string& word : o.kinds) {
    const auto kind = ParseEnumWord(*v1::RecordKind_descriptor(),
                                    "RECORD_KIND_", word, "--kinds");
    if (!kind.ok()) {
      std::cerr << "mitra: " << kind.status().message() << "\n";
      return kUsage;
    }
    request.add_kinds(static_cast<v1::RecordKind>(*kind));
  }
  Output output(o);
  if (!output.good()) {
    std::cerr << "mitra: cannot write " << o.file << "\n";
    return kUsage;
  }
  const Connection connection(globals);
  auto stub = v1::Archive::NewStub(connection.channel());
  Progress progress("export", "rows", 0);
  uint64_t rows = 0;
  uint64_t unreadable = 0;
  absl::Time give_up = absl::Now() + absl::Seconds(o.patience);
  for (;;) {
    request.set_resume_token(output.token());
    grpc::ClientContext context;
    if (!connection.PrepareStream(context)) return kUsage;
    auto stream = stub->Export(&context, request);
    v1::ExportResponse page;
    bool written = true;
    while (written && stream->Read(&page)) {
      written = output.Write(page);
      rows += page.rows_size();
      unreadable += page.unreadable();
      give_up = absl::Now() + absl::Seconds(o.patience);
      progress.Update(rows);
    }
    if (!written) context.TryCancel();
    const grpc::Status status = stream->Finish();
    if (!written) {
      std::cerr << "mitra: cannot write " << o.file << "\n";
      return kFailed;
    }
    if (status.ok()) break;
    const bool may_heal = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (!may_heal || absl::Now() > give_up) return Report(status);
    absl::SleepFor(absl::Milliseconds(500));
  }
  output.Done();
  std::cerr << "mitra: " << rows << " rows"
            << (output.resumed() ? " more" : "");
  if (unreadable > 0) std::cerr << ", " << unreadable << " unreadable";
  std::cerr << "\n";
  return unreadable > 0 ? kFailed : kOk;
}

}  // namespace

void AddExportCommand(CLI::App& app, const Globals& globals, Action& action) {
  auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "export",
      "Write everything that the record holds as NDJSON.\n"
      "  mitra export all.ndjson   mitra export - --kinds evidence");
  command->add_option("file", o->file, "File; - for standard output")
      ->required();
  command
      ->add_option("--kinds", o->kinds,
                   "profile, evidence, consent, block, engagement, feedback")
      ->delimiter(',');
  command->add_flag("--contacts", o->contacts, "With contact details");
  command->add_flag("--resume", o->resume, "Go on where a run was cut");
  command
      ->add_option("--patience", o->patience,
                   "Seconds to go on trying when nobody answers")
      ->check(CLI::Range(0, 86'400));
  command->callback([o, &globals, &action] {
    action = [o, &globals] { return Export(globals, *o); };
  });
}

}  // namespace mitra::cli
